import Wire

@testable import Client

/// Answers as a service would write and a source would read them.
struct AnswerFixture {
  var source = SourceIdentity(name: "web-1", epoch: 7)
  var installation = InstallationID(bits: 0xA11CE)

  func ack(
    _ sequence: UInt64, _ counts: VerdictCounts, isResent: Bool = false,
    missing: [ClosedRange<UInt64>] = [], highest: UInt64? = nil
  ) throws -> Ack {
    var bytes: [UInt8] = []
    var exceptions = AckExceptions()
    var next = Int(counts.accepted)
    for (count, code) in [
      (counts.duplicate, AckCode.duplicate), (counts.conflict, .conflict), (counts.late, .late),
      (counts.rejected, AckCode(rejected: .timeTooOld)),
    ] {
      for _ in 0..<count {
        exceptions.append(next, code)
        next += 1
      }
    }
    exceptions.finish()
    let encoded = exceptions.bytes
    AnswerEncoder(installation: installation).appendAck(
      header(sequence, highest: highest), source: Array(source.name.utf8).rawSpan,
      receipt: AckReceipt(counts: counts, isResent: isResent), exceptions: encoded.span,
      missing: missing.span, limit: 1_432, to: &bytes, tag: { _ in 0 })
    let frame = bytes.rawSpan
    return try Ack(parsing: frame, header: FrameHeader(parsing: frame, limits: .standard))
  }

  func refusal(
    _ sequence: UInt64, _ reason: RefusalReason, retryAfter: UInt32 = 0
  ) throws
    -> Refusal
  {
    var bytes: [UInt8] = []
    AnswerEncoder(installation: installation).appendRefusal(
      header(sequence, highest: nil), source: Array(source.name.utf8).rawSpan, reason: reason,
      retryAfter: retryAfter, to: &bytes, tag: { _ in 0 })
    let frame = bytes.rawSpan
    return try Refusal(parsing: frame, header: FrameHeader(parsing: frame, limits: .standard))
  }

  private func header(_ sequence: UInt64, highest: UInt64?) -> AnswerHeader {
    AnswerHeader(
      keyID: .none, epoch: source.epoch, sequence: sequence,
      highestSequence: max(highest ?? sequence, sequence), arrival: Timestamp(milliseconds: 0))
  }
}

extension [UInt8] {
  /// The bytes without a type.
  var rawSpan: RawSpan {
    @_lifetime(borrow self) get { unsafe span.bytes }
  }
}
