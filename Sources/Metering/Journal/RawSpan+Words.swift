extension RawSpan {
  /// Eight bytes, little-endian. An offset past the end traps.
  @inline(__always)
  func word(at offset: Int) -> UInt64 {
    let bytes = extracting(offset..<offset &+ 8)
    return UInt64(
      littleEndian: unsafe bytes.unsafeLoadUnaligned(fromUncheckedByteOffset: 0, as: UInt64.self))
  }

  /// Four bytes, little-endian. An offset past the end traps.
  @inline(__always)
  func halfWord(at offset: Int) -> UInt32 {
    let bytes = extracting(offset..<offset &+ 4)
    return UInt32(
      littleEndian: unsafe bytes.unsafeLoadUnaligned(fromUncheckedByteOffset: 0, as: UInt32.self))
  }

  /// One byte. An offset past the end traps.
  @inline(__always)
  func byte(at offset: Int) -> UInt8 {
    unsafe unsafeLoad(fromByteOffset: offset, as: UInt8.self)
  }
}

extension Span where Element: FixedWidthInteger & BitwiseCopyable {
  /// The same bytes without a type.
  var raw: RawSpan {
    @_lifetime(copy self)
    @inline(__always)
    get {
      // A byte has no padding that could be read.
      unsafe bytes
    }
  }
}

extension [UInt8] {
  /// Appends the bytes of a span.
  @inline(__always)
  mutating func append(_ span: RawSpan) {
    unsafe span.withUnsafeBytes { unsafe append(contentsOf: $0) }
  }
}
