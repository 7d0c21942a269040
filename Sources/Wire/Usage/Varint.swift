/// Integers in groups of seven bits, lowest group first, as in Protocol Buffers.
enum Varint {
  /// Reads a varint and moves the offset behind it.
  ///
  /// - Returns: nil when it does not end before `end`; the offset is then at `end`. A varint of
  ///   more than 64 bits throws.
  static func read(
    _ frame: RawSpan, at offset: inout Int, end: Int
  ) throws(WireError) -> UInt64? {
    var value: UInt64 = 0
    var shift: UInt64 = 0
    let start = offset
    while offset < end {
      let byte: UInt8 = frame.integer(at: offset)
      offset += 1
      guard shift < 63 || byte <= 1 else {
        throw .malformedBody(offset: start, .varintTooLong)
      }
      value |= UInt64(byte & 0x7F) << shift
      if byte < 0x80 { return value }
      shift += 7
    }
    return nil
  }

  /// The value of the groups in the low bytes of a word; bytes behind the last group are zero.
  ///
  /// Three steps join neighbours: 8 groups of 7 bits, 4 of 14, 2 of 28, one of 56.
  @inline(__always)
  static func join(_ word: UInt64) -> UInt64 {
    var value = word & 0x7F7F_7F7F_7F7F_7F7F
    value = (value & 0x007F_007F_007F_007F) | ((value & 0x7F00_7F00_7F00_7F00) >> 1)
    value = (value & 0x0000_3FFF_0000_3FFF) | ((value & 0x3FFF_0000_3FFF_0000) >> 2)
    return (value & 0x0FFF_FFFF) | ((value & 0x0FFF_FFFF_0000_0000) >> 4)
  }

  /// The signed integer that a zigzag stands for.
  @inline(__always)
  static func signed(_ zigzag: UInt64) -> Int64 {
    Int64(bitPattern: zigzag >> 1) ^ -Int64(bitPattern: zigzag & 1)
  }

  /// The zigzag of a signed integer.
  @inline(__always)
  static func zigzag(_ value: Int64) -> UInt64 {
    UInt64(bitPattern: (value << 1) ^ (value >> 63))
  }

  /// Bytes of a varint, 1 to 10.
  @inline(__always)
  static func byteCount(_ value: UInt64) -> Int {
    (70 - (value | 1).leadingZeroBitCount) / 7
  }

  /// Appends a varint.
  static func append(_ value: UInt64, to buffer: inout [UInt8]) {
    var rest = value
    while rest >= 0x80 {
      buffer.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    buffer.append(UInt8(truncatingIfNeeded: rest))
  }
}
