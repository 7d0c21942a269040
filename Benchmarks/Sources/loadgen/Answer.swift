import CanonicalLoad

/// An answer of the service, as far as the load generator looks at it.
///
/// It is read in place and without the service's own decoder, because a core that sends millions of
/// records a second has no time for more. Tags of answers are not checked.
struct Answer {
  enum Kind: UInt8 {
    case ack = 4
    case refusal = 5
  }

  var kind: Kind
  var source: Int
  var sequence: UInt64
  /// Of an ack: whether the batch had a receipt before.
  var isResent = false
  var counts = VerdictTotals()
  /// Of a refusal: why, and how long to wait.
  var reason: UInt8 = 0
  var retryAfterMilliseconds: Int64 = 0
  /// Bytes of the frame.
  var length: Int

  /// Bytes of the frame at the front, or nil if there are too few to tell.
  @unsafe
  static func length(_ bytes: UnsafeRawBufferPointer) -> Int? {
    guard bytes.count >= 12 else { return nil }
    return Int(unsafe bytes.loadUnaligned(fromByteOffset: 8, as: UInt32.self))
  }

  /// The answer at the front of some bytes, or nil if that is none.
  @unsafe
  init?(_ bytes: UnsafeRawBufferPointer, sources: Int) {
    guard let length = unsafe Answer.length(bytes), length <= bytes.count, length >= 100,
      unsafe bytes.loadUnaligned(as: UInt32.self) == 0x5246_4257,
      let kind = Kind(rawValue: unsafe bytes[5])
    else { return nil }
    self.length = length
    self.kind = kind
    sequence = unsafe bytes.loadUnaligned(fromByteOffset: 24, as: UInt64.self)
    source = 0
    if sources > 1 {
      for place in FramePool.sourceDigits..<FramePool.sourceDigits + 4 {
        source = source * 10 + Int(unsafe bytes[place]) - 0x30
      }
      guard source >= 0, source < sources else { return nil }
    }
    // Behind the installation's 16 bytes.
    var offset = 64 + Int(unsafe bytes[6]) + 16
    let first = unsafe bytes[offset]
    offset += 1
    switch kind {
    case .ack:
      isResent = first & 1 != 0
      counts.accepted = unsafe Self.varint(bytes, &offset)
      counts.duplicate = unsafe Self.varint(bytes, &offset)
      counts.conflict = unsafe Self.varint(bytes, &offset)
      counts.late = unsafe Self.varint(bytes, &offset)
      counts.rejected = unsafe Self.varint(bytes, &offset)
    case .refusal:
      reason = first
      retryAfterMilliseconds = unsafe Self.varint(bytes, &offset)
    }
  }

  @unsafe
  @inline(__always)
  private static func varint(_ bytes: UnsafeRawBufferPointer, _ offset: inout Int) -> Int64 {
    var value: Int64 = 0
    var shift: Int64 = 0
    while offset < bytes.count, shift < 63 {
      let byte = unsafe bytes[offset]
      offset += 1
      value |= Int64(byte & 0x7F) << shift
      if byte < 0x80 { break }
      shift += 7
    }
    return value
  }
}
