extension RawSpan {
  /// The integer whose little-endian bytes begin at an offset. Reading outside the span traps.
  @inline(__always)
  func integer<Integer: FixedWidthInteger & BitwiseCopyable>(
    at offset: Int, as type: Integer.Type = Integer.self
  ) -> Integer {
    // An integer has no invalid bytes, and the offset is checked.
    unsafe Integer(littleEndian: unsafeLoadUnaligned(fromByteOffset: offset, as: type))
  }

  /// The integer whose little-endian bytes begin at an offset that is known to be inside.
  @unsafe
  @inline(__always)
  func integer<Integer: FixedWidthInteger & BitwiseCopyable>(
    atUnchecked offset: Int, as type: Integer.Type = Integer.self
  ) -> Integer {
    unsafe Integer(littleEndian: unsafeLoadUnaligned(fromUncheckedByteOffset: offset, as: type))
  }
}
