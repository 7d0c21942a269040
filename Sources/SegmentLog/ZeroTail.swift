internal import Bytes

// A preallocated segment holds zeros behind its last block.

extension RawSpan {
  /// Whether there is nothing but zeros from an offset on; true at the end.
  ///
  /// Complexity: ends at the first byte that is not zero.
  func isZero(from start: Int) -> Bool {
    var offset = start
    while byteCount - offset >= 8 {
      guard integer(at: offset, as: UInt64.self) == 0 else { return false }
      offset += 8
    }
    while offset < byteCount {
      guard integer(at: offset, as: UInt8.self) == 0 else { return false }
      offset += 1
    }
    return true
  }

  /// Bytes up to and including the last one that is not zero.
  ///
  /// Complexity: linear in the zeros at the end.
  var contentLength: Int {
    var length = byteCount
    while length >= 8, integer(at: length - 8, as: UInt64.self) == 0 { length -= 8 }
    while length > 0, integer(at: length - 1, as: UInt8.self) == 0 { length -= 1 }
    return length
  }
}
