internal import Authentication
internal import CanonicalLoad
internal import Dedup
internal import MemoryRuns
internal import Metering
internal import SegmentLog
internal import Wire

/// Everything that the receiving thread does with a frame but for the sockets: frames in memory are
/// decoded, judged, folded and sealed into blocks, and their acks are written.
final class EngineStage: StageBody {
  private let frames: FrameSource
  private let authenticator: MessageAuthenticator?
  private var columns = UsageColumns()
  private var ledger: Ledger
  private let upkeep = UpkeepThread()
  private let encoder = AnswerEncoder(installation: EngineStage.identity.installation)
  private var acks: [UInt8] = []
  private let blockEncoder = BlockEncoder()
  private var encoded: [UInt8] = []
  private var segment = (number: UInt64(0), byteCount: 0)
  private var time = FrameSource.start
  private var unsealed = 0
  /// Told what goes into the log.
  private let write: (LedgerAction) -> Void

  static let identity = LedgerIdentity(
    installation: InstallationID(bits: 42), secret: HashSecret(k0: 7, k1: 9))
  static let configuration = LedgerConfiguration(weights: .empty, canonicalText: "stages")
  /// Records in a block, as they come together while the disk syncs the one before.
  private static let blockRecords = 16_384

  init(
    _ keys: KeyForm, hmac: Bool, _ size: Stage.Size,
    write: @escaping (LedgerAction) -> Void = { _ in }
  ) throws {
    frames = FrameSource(keys, hmac: hmac, size)
    authenticator = frames.secret.map { MessageAuthenticator(secret: $0) }
    self.write = write
    ledger = Ledger(
      identity: Self.identity, configuration: Self.configuration, store: MemoryRunStore())
    try ledger.start(wall: Timestamp(milliseconds: time), monotonic: time)
    submit()
  }

  var wireBytesPerUnit: Double? { frames.bytesPerRecord }

  func batch() throws -> Int {
    time += 1
    columns.removeAll()
    while columns.count < Stage.group {
      let frame = frames.make(at: time)
      if let authenticator { check(frame, authenticator) }
      try frames.append(frame, to: &columns)
    }
    try ledger.judge(columns, wall: Timestamp(milliseconds: time), monotonic: time)
    acks.removeAll(keepingCapacity: true)
    let exceptions = ledger.exceptions
    let missing = ledger.missing
    for outcome in ledger.outcomes {
      answer(outcome, exceptions.span, missing.span, columns, into: &acks)
    }
    unsealed += columns.count
    if unsealed >= Self.blockRecords { seal() }
    while let piece = ledger.takeUpkeep() { upkeep.perform(piece) }
    for piece in upkeep.takeDone() { ledger.finish(piece) }
    keep(UInt64(acks.count))
    return columns.count
  }

  /// Ends the open block.
  func seal() {
    unsealed = 0
    ledger.sealBlock()
    submit()
  }

  private func submit() {
    for action in ledger.takeActions() {
      write(action)
      switch action {
      case .openSegment(let number, let header): segment = (number, header.count)
      case .append(let block):
        // The service does this on another thread; here it counts.
        encoded.removeAll(keepingCapacity: true)
        block.encode(with: blockEncoder, into: &encoded)
        segment.byteCount += encoded.count
        ledger.synced(through: block.end, segmentSizes: [segment.number: segment.byteCount])
      }
    }
  }

  private func check(_ frame: Int, _ authenticator: MessageAuthenticator) {
    let all = unsafe frames.pool.bytes(frame)
    let bytes = unsafe all.bytes
    guard let header = try? FrameHeader(parsing: bytes, limits: .standard),
      authenticator.verify(header.tag(in: bytes), of: header.authenticated(in: bytes))
    else { preconditionFailure("BUG: a frame with a wrong tag") }
  }

  private func answer(
    _ outcome: BatchOutcome, _ exceptions: Span<UInt8>, _ missing: Span<ClosedRange<UInt64>>,
    _ columns: borrowing UsageColumns, into acks: inout [UInt8]
  ) {
    precondition(outcome.disposition == .judged, "BUG: a new batch was not judged")
    let header = columns.frames[outcome.frame].header
    let answer = AnswerHeader(
      keyID: header.keyID, epoch: header.epoch, sequence: header.sequence,
      highestSequence: max(outcome.highestKnown, header.sequence),
      arrival: outcome.receipt.arrival)
    encoder.appendAck(
      answer, source: columns.sourceName(ofFrame: outcome.frame),
      receipt: AckReceipt(counts: outcome.receipt.counts),
      exceptions: exceptions.extracting(outcome.exceptions),
      missing: missing.extracting(outcome.missing), limit: header.length, to: &acks
    ) { [authenticator] bytes in authenticator?.tag(of: bytes) ?? 0 }
  }
}
