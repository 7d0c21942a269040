extension [UInt8] {
  /// The bytes as the span that the code under test takes.
  var rawSpan: RawSpan {
    @_lifetime(borrow self) get { unsafe span.bytes }
  }
}
