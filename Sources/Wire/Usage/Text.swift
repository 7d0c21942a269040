/// What text on the wire may hold, and the copy that checks it on the way.
enum Text {
  /// Bytes that may be read behind a text, and written behind its copy.
  static let slack = 8

  /// Copies a text in words of eight bytes and says whether it is plain: ASCII without U+0000.
  ///
  /// Up to ``slack`` bytes behind the text are read and written too. Both spans have them: the
  /// caller answers for that.
  @unsafe
  @inline(__always)
  static func copy(
    _ frame: RawSpan, from source: Int, count: Int, to target: inout MutableRawSpan,
    at targetOffset: Int
  ) -> Bool {
    var suspicious: UInt64 = 0
    var offset = 0
    while offset &+ 8 <= count {
      let word: UInt64 = unsafe frame.integer(atUnchecked: source &+ offset)
      unsafe target.storeBytes(
        of: word, toUncheckedByteOffset: targetOffset &+ offset, as: UInt64.self)
      suspicious |= special(word)
      offset &+= 8
    }
    if offset < count {
      let word: UInt64 = unsafe frame.integer(atUnchecked: source &+ offset)
      unsafe target.storeBytes(
        of: word, toUncheckedByteOffset: targetOffset &+ offset, as: UInt64.self)
      // Bytes behind the text do not count.
      suspicious |= special(word) << (UInt64(truncatingIfNeeded: 64 &- (count &- offset) &* 8))
    }
    return suspicious == 0
  }

  /// Copies a name as ``copy(_:from:count:to:at:)`` does, and gives its first and last eight bytes;
  /// those behind a shorter name are zero.
  @unsafe
  @inline(__always)
  static func copyName(
    _ frame: RawSpan, from source: Int, count: Int, to target: inout MutableRawSpan,
    at targetOffset: Int
  ) -> (first: UInt64, last: UInt64, isPlain: Bool) {
    let head: UInt64 = unsafe frame.integer(atUnchecked: source)
    if count < 8 {
      let mask = ~(UInt64.max &<< UInt64(truncatingIfNeeded: 8 &* count))
      let word = head & mask
      unsafe target.storeBytes(of: word, toUncheckedByteOffset: targetOffset, as: UInt64.self)
      return (word, word, special(word) & mask == 0)
    }
    let end = count &- 8
    let tail: UInt64 = unsafe frame.integer(atUnchecked: source &+ end)
    if count <= NameKey.wholeLength {
      unsafe target.storeBytes(of: head, toUncheckedByteOffset: targetOffset, as: UInt64.self)
      unsafe target.storeBytes(
        of: tail, toUncheckedByteOffset: targetOffset &+ end, as: UInt64.self)
      return (head, tail, special(head) | special(tail) == 0)
    }
    let isPlain = unsafe copy(frame, from: source, count: count, to: &target, at: targetOffset)
    return (head, tail, isPlain)
  }

  /// The highest bit of each byte that is 0 or above 127.
  @inline(__always)
  private static func special(_ word: UInt64) -> UInt64 {
    // Adding 127 to the low seven bits sets the highest one unless they are all zero.
    (word | ~((word & 0x7F7F_7F7F_7F7F_7F7F) &+ 0x7F7F_7F7F_7F7F_7F7F)) & 0x8080_8080_8080_8080
  }

  /// The raw value of the reason to reject a text that is not plain, or 0.
  ///
  /// - Parameter whenEmpty: the reason to reject an empty text.
  @inline(never)
  static func fault(_ text: RawSpan, whenEmpty: RejectionReason?) -> UInt8 {
    if text.isEmpty { return whenEmpty?.rawValue ?? 0 }
    // Every byte is a valid byte.
    let bytes = unsafe text._unsafeView(as: UInt8.self)
    guard (try? UTF8Span(validating: bytes)) != nil else {
      return RejectionReason.textNotUTF8.rawValue
    }
    for index in bytes.indices where bytes[index] == 0 {
      return RejectionReason.textContainsNull.rawValue
    }
    return 0
  }
}
