/// Writes integers and bytes one after the other into a buffer of known size.
///
/// Writing past the end traps: sizes are computed before.
struct ByteWriter: ~Copyable, ~Escapable {
  private var bytes: MutableRawSpan
  private(set) var offset: Int

  @_lifetime(copy bytes)
  init(_ bytes: consuming MutableRawSpan, at offset: Int) {
    self.bytes = bytes
    self.offset = offset
  }

  /// Writes an integer, lowest byte first.
  @inline(__always)
  mutating func put<Integer: FixedWidthInteger & BitwiseCopyable>(_ value: Integer) {
    bytes.storeBytes(of: value.littleEndian, toByteOffset: offset, as: Integer.self)
    offset += MemoryLayout<Integer>.size
  }

  /// Writes a varint.
  @inline(__always)
  mutating func put(varint value: UInt64) {
    var rest = value
    while rest >= 0x80 {
      put(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    put(UInt8(truncatingIfNeeded: rest))
  }

  /// Copies bytes.
  mutating func put(_ source: RawSpan) {
    var index = 0
    while index + 8 <= source.byteCount {
      put(source.integer(at: index, as: UInt64.self))
      index += 8
    }
    while index < source.byteCount {
      put(source.integer(at: index, as: UInt8.self))
      index += 1
    }
  }
}
