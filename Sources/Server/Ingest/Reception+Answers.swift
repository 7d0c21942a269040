internal import Authentication
internal import EventLoop
internal import Metering
internal import SegmentLog
internal import Wire

extension Reception {
  /// Judges the group that has gathered, here or elsewhere.
  func judge() {
    if let handOver { return judge(by: handOver) }
    guard let partition, !columns.frames.isEmpty else { return }
    partition.judge(
      columns, wall: EventLoop.wallMilliseconds(), monotonic: EventLoop.monotonicMilliseconds())
    let exceptions = partition.ledger.exceptions
    let missing = partition.ledger.missing
    for outcome in partition.ledger.outcomes {
      answer(outcome, exceptions.span, missing.span, columns, to: targets[outcome.frame])
    }
    columns.removeAll()
    targets.removeAll(keepingCapacity: true)
  }

  /// Queues the answer that a batch gets once its receipt is synced.
  func answer(
    _ outcome: BatchOutcome, _ exceptions: Span<UInt8>, _ missing: Span<ClosedRange<UInt64>>,
    _ columns: borrowing UsageColumns, to target: AnswerTarget
  ) {
    let header = columns.frames[outcome.frame].header
    let source = columns.sourceName(ofFrame: outcome.frame)
    let answer = AnswerHeader(
      keyID: header.keyID, epoch: header.epoch, sequence: header.sequence,
      highestSequence: max(outcome.highestKnown, header.sequence),
      arrival: outcome.receipt.arrival)
    let receipt: AckReceipt
    switch outcome.disposition {
    case .judged: receipt = AckReceipt(counts: outcome.receipt.counts)
    case .resent: receipt = AckReceipt(counts: outcome.receipt.counts, isResent: true)
    case .archived:
      receipt = AckReceipt(archivedBatchOf: header.recordCount)
    case .copy:
      settle(target)
      return
    case .refused(let reason):
      refuse(source, answer, target, reason)
      settle(target)
      return
    }
    let authenticator = keys?[header.keyID.rawValue]?.authenticator
    encoder.appendAck(
      answer, source: source, receipt: receipt,
      exceptions: exceptions.extracting(outcome.exceptions),
      missing: missing.extracting(outcome.missing), limit: header.length, to: &answers.bytes
    ) { bytes in authenticator?.tag(of: bytes) ?? 0 }
    answers.queue(to: target, after: outcome.receipt.position)
  }

  /// Refuses an authentic frame that does not reach the ledger.
  func refuse(
    _ frame: RawSpan, _ header: FrameHeader, _ target: AnswerTarget, _ reason: RefusalReason
  ) {
    counters.refused[reason, default: 0] += 1
    let answer = AnswerHeader(
      answering: header, arrival: Timestamp(milliseconds: EventLoop.wallMilliseconds()))
    refuse(header.sourceName(in: frame), answer, target, reason)
  }

  func refuse(
    _ source: RawSpan, _ answer: AnswerHeader, _ target: AnswerTarget, _ reason: RefusalReason
  ) {
    refusal.removeAll(keepingCapacity: true)
    let authenticator = keys?[answer.keyID.rawValue]?.authenticator
    encoder.appendRefusal(
      answer, source: source, reason: reason,
      retryAfter: reason.isRetryable ? Self.retryAfter : 0, to: &refusal
    ) { bytes in authenticator?.tag(of: bytes) ?? 0 }
    let bytes = refusal
    Self.send(unsafe bytes.span.bytes, to: target)
  }

  /// Milliseconds that a refused source is asked to wait.
  private static let retryAfter: UInt32 = 1_000

  /// Sends the answers whose receipts are on stable storage.
  func release(through synced: LogPosition) {
    answers.release(through: synced) { target, bytes in
      Self.send(bytes, to: target)
      settle(target)
    }
    flushAnswers()
    noteIdle()
  }

  /// Sends what is queued for datagrams.
  func flushAnswers() {
    for endpoint in endpoints { endpoint.flushQueued() }
  }

  func settle(_ target: AnswerTarget) {
    if case .stream(let peer, let frameLength) = target { peer.settle(frameLength: frameLength) }
  }

  private static func send(_ bytes: RawSpan, to target: AnswerTarget) {
    switch target {
    case .datagram(let endpoint, let peer): endpoint.queue(bytes, to: peer)
    case .stream(let peer, _): peer.connection.write(bytes)
    }
  }
}
