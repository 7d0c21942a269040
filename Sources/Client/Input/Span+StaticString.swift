extension Span where Element == UInt8 {
  /// Whether these bytes begin with those of `text`, from `offset` on.
  func starts(with text: StaticString, at offset: Int = 0) -> Bool {
    guard count - offset >= text.utf8CodeUnitCount else { return false }
    return text.withUTF8Buffer { wanted in
      for index in 0..<wanted.count where unsafe self[offset + index] != wanted[index] {
        return false
      }
      return true
    }
  }
}
