internal import Authentication
internal import EventLoop
internal import Metering
internal import SegmentLog
internal import Wire

/// The way of a frame from a socket to the ledger and of its answer back.
///
/// Frames of one read gather in columns; at the end of the read the ledger judges them as one
/// group. One thread, that of the loop, owns it.
final class IngestPath {
  /// Records at which a group is judged before the read ends.
  private static let groupRecords = 4_096

  var ledger: Ledger
  private(set) var counters = IngestCounters()
  /// Told what was rejected.
  var onQuarantine: ([QuarantinedRecord]) -> Void = { _ in }
  /// Told an authentic frame with a body that cannot be cut.
  var onMalformed: (RawSpan, WireError) -> Void = { _, _ in }

  private let keys: KeyRing?
  private let limits: WireLimits
  private let encoder: AnswerEncoder
  private var columns = UsageColumns()
  /// Where the answer of each frame in the columns goes.
  private var targets: [AnswerTarget] = []
  private var answers = AckQueue()
  private var refusal: [UInt8] = []

  /// A path to a ledger.
  ///
  /// - Parameters:
  ///   - ledger: the ledger.
  ///   - keys: the keys of sources; nil without authentication.
  ///   - limits: the limits of frames.
  init(ledger: consuming Ledger, keys: KeyRing?, limits: WireLimits) {
    encoder = AnswerEncoder(installation: ledger.identity.installation)
    self.ledger = ledger
    self.keys = keys
    self.limits = limits
  }

  /// Answers that wait for a sync.
  var waitingAnswers: Int { answers.count }

  /// Takes a datagram, which must be one frame.
  func receive(datagram: RawSpan, from peer: SocketAddress, on endpoint: UDPEndpoint) {
    do throws(WireError) {
      let header = try FrameHeader(parsing: datagram, limits: limits)
      guard header.length == datagram.byteCount else {
        counters.wrongLength += 1
        return
      }
      _ = take(datagram, header, .datagram(endpoint, peer))
    } catch {
      counters.count(error)
    }
  }

  /// Takes the complete frames at the front of a stream's bytes.
  ///
  /// - Returns: how many bytes it consumed; nil if the stream cannot be followed any further.
  func receive(stream bytes: RawSpan, from peer: StreamPeer) -> Int? {
    // What came before bytes that cannot be followed counts all the same.
    defer { judge() }
    var consumed = 0
    do throws(WireError) {
      while true {
        let rest = bytes.extracting(droppingFirst: consumed)
        guard let length = try FrameHeader.frameLength(peeking: rest, limits: limits),
          length <= rest.byteCount
        else { break }
        let frame = rest.extracting(first: length)
        let header = try FrameHeader(parsing: frame, limits: limits)
        guard take(frame, header, .stream(peer)) else { return nil }
        consumed += length
      }
    } catch {
      counters.count(error)
      return nil
    }
    return consumed
  }

  /// Authenticates a frame and takes it into the group.
  ///
  /// - Returns: whether it is authentic.
  private func take(_ frame: RawSpan, _ header: FrameHeader, _ target: AnswerTarget) -> Bool {
    counters.frames += 1
    counters.bytes += UInt64(frame.byteCount)
    guard let sender = sender(of: frame, header) else { return false }
    if case .key(let key) = sender, !key.maySpeak(for: header.sourceName(in: frame)) {
      refuseSource(frame, header, target)
      return true
    }
    switch header.type {
    case .usage:
      do throws(WireError) {
        try columns.append(frame: frame, header: header)
        targets.append(target)
        if case .stream(let peer) = target { peer.outstanding += 1 }
        if columns.count >= Self.groupRecords { judge() }
      } catch {
        onMalformed(frame, error)
        refuse(frame, header, target, .malformedBody)
      }
    case .heartbeat:
      counters.heartbeats += 1
      ledger.noteHeartbeat(
        source: header.sourceName(in: frame), epoch: header.epoch,
        highestIssued: header.highestSequence)
    case .controlTotals: refuse(frame, header, target, .unsupportedType)
    case .ack, .refusal: counters.count(.unknownType(found: header.type.rawValue))
    }
    return true
  }

  /// Who made a frame.
  private enum Sender {
    /// Anyone: there is no authentication.
    case anyone
    /// Who holds this key.
    case key(KeyRing.Key)
  }

  /// Who made the frame; nil if it is not authentic.
  private func sender(of frame: RawSpan, _ header: FrameHeader) -> Sender? {
    guard let keys else {
      guard header.keyID == .none else {
        counters.wrongMode += 1
        return nil
      }
      return .anyone
    }
    guard header.keyID != .none else {
      counters.wrongMode += 1
      return nil
    }
    guard let key = keys[header.keyID.rawValue] else {
      counters.unknownKey += 1
      return nil
    }
    let tag = header.tag(in: frame)
    guard key.authenticator.verify(tag, of: header.authenticated(in: frame)) else {
      counters.wrongTag += 1
      return nil
    }
    return .key(key)
  }

  /// Refuses a frame whose key may not speak for its source. Heartbeats have no answer.
  private func refuseSource(_ frame: RawSpan, _ header: FrameHeader, _ target: AnswerTarget) {
    switch header.type {
    case .usage, .controlTotals: refuse(frame, header, target, .sourceNotAllowed)
    case .heartbeat: counters.refused[.sourceNotAllowed, default: 0] += 1
    case .ack, .refusal: counters.count(.unknownType(found: header.type.rawValue))
    }
  }

  /// Judges the group that has gathered and queues the answers.
  func judge() {
    guard !columns.frames.isEmpty else { return }
    ledger.judge(
      columns, wall: Timestamp(milliseconds: EventLoop.wallMilliseconds()),
      monotonic: EventLoop.monotonicMilliseconds())
    let exceptions = ledger.exceptions
    let missing = ledger.missing
    for outcome in ledger.outcomes { answer(outcome, exceptions.span, missing.span, columns) }
    if !ledger.quarantined.isEmpty { onQuarantine(ledger.quarantined) }
    columns.removeAll()
    targets.removeAll(keepingCapacity: true)
  }

  private func answer(
    _ outcome: BatchOutcome, _ exceptions: Span<UInt8>, _ missing: Span<ClosedRange<UInt64>>,
    _ columns: borrowing UsageColumns
  ) {
    let target = targets[outcome.frame]
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
  private func refuse(
    _ frame: RawSpan, _ header: FrameHeader, _ target: AnswerTarget, _ reason: RefusalReason
  ) {
    counters.refused[reason, default: 0] += 1
    let answer = AnswerHeader(
      answering: header, arrival: Timestamp(milliseconds: EventLoop.wallMilliseconds()))
    refuse(header.sourceName(in: frame), answer, target, reason)
  }

  private func refuse(
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
  }

  private func settle(_ target: AnswerTarget) {
    guard case .stream(let peer) = target else { return }
    peer.outstanding -= 1
    peer.finishIfDone()
  }

  private static func send(_ bytes: RawSpan, to target: AnswerTarget) {
    switch target {
    case .datagram(let endpoint, let peer): endpoint.queue(bytes, to: peer)
    case .stream(let peer): peer.connection.write(bytes)
    }
  }
}
