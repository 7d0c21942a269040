import Dedup
import MemoryRuns
import SegmentLog
import Testing
import Wire

@testable import Metering

/// A batch that a source sends.
struct TestBatch {
  var source = SourceIdentity(name: "agent-1", epoch: 1)
  var sequence: UInt64
  var records: [UsageRecord]
  /// The highest sequence that the source says it issued, nil for that of the batch.
  var highest: UInt64?
  /// Whether a copy of the first record follows with a negative quantity of traffic, which no
  /// client would send.
  var hasInvalid = false

  var recordCount: Int { records.count + (hasInvalid ? 1 : 0) }

  /// The bytes of its frame.
  func frame() throws -> [UInt8] {
    var encoder = try FrameEncoder(source: source, keyID: .none, maximumLength: 60_000)
    for record in records { #expect(encoder.append(record) == .appended) }
    if hasInvalid, var last = records.first {
      last.kind = .storage
      last.quantity = -5
      last.key = .raw(UInt128(sequence) << 64 | 0xBAD)
      #expect(encoder.append(last) == .appended)
    }
    var bytes: [UInt8] = []
    encoder.finish(sequence: sequence, highestSequence: highest ?? sequence, to: &bytes) { _ in 0 }
    if hasInvalid {
      // The kind stands in the low bits of the last record's first byte, with five varints and the
      // key behind it; only the time takes more than a byte.
      let header = try FrameHeader(parsing: bytes.span.raw, limits: .standard)
      let end = FrameHeader.byteCount + source.name.utf8.count + header.bodyLength
      let place = end - 16 - 1 - 1 - 3 - 1
      #expect(bytes[place] == UsageKind.storage.rawValue)
      bytes[place] = UsageKind.traffic.rawValue
    }
    return bytes
  }
}

/// A ledger with a shell around it: files in memory that lose what is not synced.
final class LedgerWorld {
  struct File {
    var number: UInt64
    var bytes: [UInt8]

    /// Where the segment begins, and when it was begun.
    func header() throws -> SegmentHeader {
      try SegmentHeader(parsing: bytes.span.raw, segment: number)
    }

    /// The snapshot that it begins with, nil if it ends before that.
    func head() throws -> LedgerSnapshot? {
      var decoder = LogDecoder()
      var reader = try decoder.begin(bytes.span.raw, number: number)
      guard let first = try reader.next() else { return nil }
      let block = LoggedBlock()
      try decoder.decode(first, into: block)
      return block.snapshot
    }
  }

  static let start: Int64 = 1_769_896_800_000  // 2026-01-31T22:00:00Z

  private let encoder = BlockEncoder()
  let identity: LedgerIdentity
  var configuration: LedgerConfiguration
  var ledger: Ledger
  var now: Int64
  /// Segments on disk.
  var files: [File] = []
  /// Actions that are not carried out yet, in order.
  var unsynced: [LedgerAction] = []
  var postgres = PostgresModel()
  /// Runs on disk.
  let runStore = MemoryRunStore()
  /// Whether keys may be lost with files that a test removes.
  var isLossExpected = false
  /// Starts that could leave segments out.
  private(set) var partialStarts = 0

  init(
    _ configuration: LedgerConfiguration = LedgerWorld.configuration(),
    identity: LedgerIdentity = LedgerWorld.identity(), now: Int64 = LedgerWorld.start
  ) {
    self.identity = identity
    self.configuration = configuration
    self.now = now
    ledger = Ledger(
      identity: identity, configuration: configuration, store: runStore)
    start()
    take()
  }

  private func start() {
    do throws(CalendarChange) {
      try ledger.start(wall: Timestamp(milliseconds: now), monotonic: now)
    } catch {
      Issue.record("\(error)")
    }
  }

  static func identity(secret: UInt64 = 7, installation: UInt128 = 42) -> LedgerIdentity {
    LedgerIdentity(
      installation: InstallationID(bits: installation), secret: HashSecret(k0: secret, k1: 9))
  }

  static func configuration(_ text: String = "test") -> LedgerConfiguration {
    var configuration = LedgerConfiguration(weights: .empty, canonicalText: text)
    configuration.dedup.maximumKeys = 100_000
    configuration.receiptDetails = 4_096
    return configuration
  }

  /// Judges batches as one group and gives their outcomes.
  @discardableResult
  func judge(_ batches: [TestBatch]) throws -> [JudgedBatch] {
    var columns = UsageColumns()
    try columns.append(batches)
    judge(columns)
    #expect(ledger.outcomes.map(\.frame) == Array(0..<batches.count))
    return ledger.outcomes.map {
      JudgedBatch(
        outcome: $0, exceptions: Array(ledger.exceptions[$0.exceptions]),
        gaps: Array(ledger.missing[$0.missing]))
    }
  }

  /// Judges a group of frames; what became of them is in the ledger.
  func judge(_ columns: borrowing UsageColumns) {
    do {
      try ledger.judge(columns, wall: Timestamp(milliseconds: now), monotonic: now)
    } catch {
      Issue.record("\(error)")
    }
    take()
  }

  @discardableResult
  func judge(_ batch: TestBatch) throws -> JudgedBatch { try judge([batch])[0] }

  func tick(after milliseconds: Int64 = 0) {
    now += milliseconds
    ledger.tick(wall: Timestamp(milliseconds: now), monotonic: now)
    take()
  }

  func take() { unsynced += ledger.takeActions() }

  /// Does the upkeep of the key index that is due.
  func upkeep() {
    while let piece = ledger.takeUpkeep() {
      piece.perform()
      ledger.finish(piece)
    }
  }

  /// Seals the open block and carries out the first actions, or all.
  func sync(_ count: Int? = nil) {
    if count == nil {
      ledger.sealBlock()
      take()
    }
    for _ in 0..<min(count ?? unsynced.count, unsynced.count) {
      if let end = write(unsynced.removeFirst()) {
        let file = files[files.count - 1]
        ledger.synced(through: end, segmentSizes: [file.number: file.bytes.count])
      }
    }
  }

  private func write(_ action: LedgerAction) -> Checkpoint? {
    switch action {
    case .openSegment(let number, let header):
      files.append(File(number: number, bytes: header))
      return nil
    case .append(let block):
      block.encode(with: encoder, into: &files[files.count - 1].bytes)
      return block.end
    }
  }

  /// Flushes everything; a flush that was begun before is carried on.
  func flush(token: UInt128) throws {
    _ = ledger.beginFlush(token: token)
    take()
    sync()
    guard let batch = ledger.takeFlush() else { return }
    try postgres.commit(batch)
    ledger.flushCommitted()
    take()
    sync()
  }

  /// Finalizes a period of a tenant.
  @discardableResult
  func finalize(
    _ period: BillingPeriod, _ tenant: String, accepting reason: String? = nil
  ) throws(FinalizeRefusal) -> PeriodFinalization {
    let order = FinalizeOrder(
      period: period, operatorName: "test", acceptsGaps: reason, closed: ledger.closedHours)
    defer { take() }
    return try ledger.finalize(order, tenants: [tenant])[0].get()
  }

  /// Begins a flush.
  @discardableResult
  func beginFlush(token: UInt128) -> Bool {
    let didBegin = ledger.beginFlush(token: token)
    take()
    return didBegin
  }

  var isFlushReady: Bool { ledger.isFlushReady }

  func takeFlush() -> FlushBatch? { ledger.takeFlush() }

  /// The segments that may go.
  func removableSegments(_ retention: Int64 = 0) -> [SegmentSummary] {
    ledger.removableSegments(retention: retention)
  }

  /// Loses everything that is not synced, but for some bytes of the actions under way.
  func crash(keeping actions: Int = 0, tearing bytes: Int = 0) {
    for _ in 0..<min(actions, unsynced.count) { _ = write(unsynced.removeFirst()) }
    if bytes > 0, let next = unsynced.first {
      switch next {
      case .openSegment(let number, let header):
        files.append(File(number: number, bytes: Array(header.prefix(bytes))))
      case .append(let block):
        var all: [UInt8] = []
        block.encode(with: encoder, into: &all)
        files[files.count - 1].bytes += all.prefix(bytes)
      }
    }
    unsynced = []
  }

  /// Starts again from the files: from all of them, and as a start does that leaves out what it
  /// can; both must come to the same.
  func recover(knowingCheckpoint: Bool = true, starting: Bool = true) throws {
    try repair()
    let checkpoint = knowingCheckpoint ? postgres.checkpoint : nil
    let first = try firstToReplay(checkpoint: checkpoint)
    let state =
      try first > 0
      ? RecoveredState(recovered(checkpoint, replayingFrom: first, store: runStore.copy())) : nil
    ledger = try recovered(checkpoint, replayingFrom: 0, store: runStore)
    if let state {
      partialStarts += 1
      #expect(state == RecoveredState(ledger))
    }
    if starting { restart() }
  }

  /// A ledger from the files and the runs of a store.
  ///
  /// - Parameters:
  ///   - first: the number of the first segment to replay.
  ///   - heads: segments of which only the head is read; nil for all before the first.
  func recovered(
    _ checkpoint: Checkpoint?, replayingFrom first: UInt64, heads: Set<UInt64>? = nil,
    store: MemoryRunStore
  ) throws -> Ledger {
    var recovery = Recovery(
      Ledger(identity: identity, configuration: configuration, store: store, runs: try runs(store)),
      checkpoint: checkpoint, replayingFrom: first)
    try recovery.replay(
      files, heads: heads ?? Set(files.map(\.number).filter { $0 < first }))
    return try recovery.finish()
  }

  /// The number of the first segment that a start has to replay.
  func firstToReplay(checkpoint: Checkpoint?) throws -> UInt64 {
    let keys = try runs(runStore).last?.header.span.through.position ?? 0
    let known = try files.last?.head() ?? files.dropLast().last?.head()
    let flushed = checkpoint ?? known?.checkpoint
    let end = min(keys, flushed?.position.rawValue ?? 0)
    let place = try files.dropLast().lastIndex { try $0.header().start.position.rawValue <= end }
    return place.map { $0 > 0 ? files[$0].number : 0 } ?? 0
  }

  /// Starts the ledger; an operator confirms a clock that is far ahead of the log.
  func restart() {
    let time = Timestamp(milliseconds: now)
    start()
    if ledger.clockHold != nil {
      ledger.confirmClock(wall: time, monotonic: now, operatorName: "test")
    }
    take()
  }

  /// The runs that fit the log, as the shell chooses them.
  private func runs(_ store: MemoryRunStore) throws -> [SealedRun] {
    guard let first = files.first, let last = files.last else { return [] }
    let start = try SegmentHeader(parsing: first.bytes.span.raw, segment: first.number).start
    var reader = try SegmentReader(last.bytes.span.raw, segment: last.number)
    var lastArrival = reader.header.createdAt
    while let block = try reader.next() { lastArrival = block.header.lastArrival }
    let found = try store.open()
    let chain = RunChain(
      found.map(\.header), log: start.position.rawValue...reader.end.position.rawValue,
      expired: lastArrival - configuration.dedup.window)
    #expect(chain.lostThrough == nil || isLossExpected)
    return chain.used.compactMap { number in found.first { $0.header.number == number } }
  }

  /// Cuts a torn tail off the last segment, as the shell does.
  private func repair() throws {
    guard let last = files.last else { return }
    let scan = SegmentScan(ofLast: last.bytes.span.raw, segment: last.number, mark: nil)
    switch scan.decision {
    case .intact: break
    case .truncate where scan.end == nil: files.removeLast()
    case .truncate(let offset, _):
      files[files.count - 1].bytes.removeSubrange(offset...)
    case .damaged(let error): throw error
    }
  }

  /// The rows that the files give up to a checkpoint, all or those of a period.
  func fold(
    upTo checkpoint: Checkpoint, scope: FoldScope? = nil
  ) throws -> PostgresModel.Rows {
    var fold = LogFold(secret: identity.secret, upTo: checkpoint, scope: scope)
    for file in files where !fold.isComplete {
      try fold.add(file.bytes.span.raw, number: file.number)
    }
    let isComplete = fold.isComplete
    #expect(isComplete)
    var rows = PostgresModel.Rows()
    fold.forEachRow { key, expected, _ in
      let booking = key.booking == RollupKey.notLate ? nil : Hour(index: key.booking)
      rows.sums[
        PostgresModel.Key(
          subject: fold.subject(of: key), hour: Hour(index: key.hour), booking: booking)] = expected
    }
    return rows
  }
}

extension Recovery {
  /// Replays files one block after the other.
  ///
  /// - Parameter heads: numbers of files of which only the first block is taken.
  mutating func replay(_ files: [LedgerWorld.File], heads: Set<UInt64> = []) throws {
    var decoder = LogDecoder()
    let block = LoggedBlock()
    for file in files {
      var reader = try decoder.begin(file.bytes.span.raw, number: file.number)
      try begin(reader.header)
      while let next = try reader.next() {
        try decoder.decode(next, into: block)
        try replay(block)
        guard heads.contains(file.number) else { continue }
        passOver(byteCount: file.bytes.count)
        decoder.passOver()
        break
      }
    }
  }
}

extension UsageColumns {
  /// Appends the frames of batches.
  mutating func append(_ batches: [TestBatch]) throws {
    for batch in batches {
      let bytes = try batch.frame()
      let header = try FrameHeader(parsing: bytes.span.raw, limits: .standard)
      try append(frame: bytes.span.raw, header: header)
    }
  }
}

extension UsageRecord {
  /// A record with a key of its own number.
  static func test(
    _ key: UInt128, tenant: String = "acme", kind: UsageKind = .compute, operation: String = "op",
    type: ContextType = .other, context: String = "", at time: Int64 = LedgerWorld.start,
    quantity: Int64 = 1
  ) -> UsageRecord {
    UsageRecord(
      tenant: tenant, kind: kind, operation: operation, contextType: type, context: context,
      time: Timestamp(milliseconds: time), quantity: quantity, key: .raw(key))
  }
}

extension PeriodCalendar {
  /// A calendar that there is.
  static func with(day: Int, offset: Int) -> PeriodCalendar {
    guard let calendar = PeriodCalendar(anchorDay: day, offsetHours: offset) else {
      preconditionFailure("no calendar of day \(day) and offset \(offset)")
    }
    return calendar
  }
}

extension BillingPeriod {
  static let january = BillingPeriod(month: 56 * 12 + 0)
  static let february = BillingPeriod(month: 56 * 12 + 1)
  static let march = BillingPeriod(month: 56 * 12 + 2)
}

/// What became of a batch, with its exceptions.
@dynamicMemberLookup
struct JudgedBatch {
  var outcome: BatchOutcome
  var exceptions: [UInt8]
  /// What its ack calls missing.
  var gaps: [ClosedRange<UInt64>]

  subscript<Value>(dynamicMember path: KeyPath<BatchOutcome, Value>) -> Value {
    outcome[keyPath: path]
  }

  /// The verdict on each record.
  func codes(_ count: Int) -> [UInt8] {
    var codes = [UInt8](repeating: 0, count: count)
    var offset = 0
    func varint() -> Int {
      var (value, shift) = (0, 0)
      while exceptions[offset] >= 0x80 {
        value |= Int(exceptions[offset] & 0x7f) << shift
        (offset, shift) = (offset + 1, shift + 7)
      }
      value |= Int(exceptions[offset]) << shift
      offset += 1
      return value
    }
    var place = 0
    while offset < exceptions.count {
      place += varint()
      let length = varint()
      for index in place..<place + length { codes[index] = exceptions[offset] }
      offset += 1
      place += length
    }
    return codes
  }
}
