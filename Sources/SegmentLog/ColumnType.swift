/// The first byte of a column: how the rest is to be read.
enum ColumnType: UInt8 {
  /// Unsigned integers as byte planes.
  case unsigned8 = 1
  case unsigned16 = 2
  case unsigned32 = 3
  case unsigned64 = 4
  /// Signed 64-bit integers, zigzag, as byte planes.
  case signed64 = 5
  /// Signed 64-bit integers: the first as it is, then zigzag differences as byte planes.
  case delta64 = 6
  /// Bytes without structure.
  case bytes = 7
  /// Texts: byte planes of their lengths, then all their bytes.
  case texts = 8
}

/// Zigzag: small absolute values become small unsigned ones (Protocol Buffers, "Signed Integers").
enum Zigzag {
  @inline(__always)
  static func encode(_ value: Int64) -> UInt64 { UInt64(bitPattern: value &<< 1 ^ value &>> 63) }

  @inline(__always)
  static func decode(_ bits: UInt64) -> Int64 {
    Int64(bitPattern: bits &>> 1) ^ -Int64(bitPattern: bits & 1)
  }
}
