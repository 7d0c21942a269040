/// A refusal as a source reads it: nothing of the batch was kept.
public struct Refusal: Sendable, Equatable {
  /// The source and epoch that it is for.
  public var source: SourceIdentity
  /// Which batch it answers.
  public var header: AnswerHeader
  /// The installation that answers.
  public var installation: InstallationID
  /// The reason as it stands on the wire.
  public var code: UInt8
  /// How many milliseconds to wait at least before the same bytes are sent again.
  public var retryAfter: UInt32

  /// The reason, or nil for one of a later version.
  public var reason: RefusalReason? { RefusalReason(rawValue: code) }

  /// Whether the same bytes should be sent again later; it holds for reasons of later versions.
  public var isRetryable: Bool { code >= RefusalReason.keyIndexFull.rawValue }

  /// Reads a refusal whose tag is right.
  ///
  /// - Precondition: `header` was parsed from `frame` and its type is `refusal`.
  public init(parsing frame: RawSpan, header: FrameHeader) throws(WireError) {
    precondition(header.type == .refusal, "BUG: only a refusal can be read as one")
    var reader = AnswerReader(frame, header)
    installation = try reader.installation()
    let start = reader.offset
    code = try reader.byte()
    guard code != 0 else { throw .malformedBody(offset: start, .unknownCode(code)) }
    retryAfter = UInt32(
      truncatingIfNeeded: try reader.varint(atMost: UInt64(UInt32.max)))
    try reader.finish()
    source = SourceIdentity(
      name: AnswerReader.sourceName(frame, header), epoch: header.epoch)
    self.header = AnswerHeader(answering: header, arrival: header.baseTime)
  }
}
