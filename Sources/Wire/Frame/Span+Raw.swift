extension Span<UInt8> {
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

extension MutableSpan where Element: FixedWidthInteger & BitwiseCopyable {
  /// The same memory as bytes, for writing.
  var mutableRaw: MutableRawSpan {
    @_lifetime(&self)
    @inline(__always)
    mutating get {
      // Every pattern of bits is an integer.
      unsafe mutableBytes
    }
  }
}
