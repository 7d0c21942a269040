import Dedup
import SeededRandom
import SegmentLog
import Testing
import Wire

@testable import Metering

/// One random history of a ledger, its crashes and its flushes, against the naive model.
struct LedgerHistory: DeliveredHistory {
  private let seed: UInt64
  var random: SplitMix64
  private let world: LedgerWorld
  private var model: LedgerModel
  private var sequences: [SourceIdentity: UInt64] = [:]
  var sent: [TestBatch] = []
  private var keys: [(tenant: String, key: RecordKey)] = []
  private var records: [UsageRecord] = []
  /// Positions of receipts that were told, with their batches.
  private var acked: [(batch: TestBatch, position: LogPosition)] = []
  private var waiting: [(batch: TestBatch, position: LogPosition)] = []
  private var inFlight: FlushBatch?
  private var nextKey: UInt64 = 1

  init(seed: UInt64) throws {
    self.seed = seed
    random = SplitMix64(seed: seed)
    var configuration = LedgerWorld.configuration()
    configuration.weights = try WeightTable(entries: [
      WeightEntry(
        operation: "op-1", weight: 3, effectiveFrom: Timestamp(milliseconds: 0)),
      WeightEntry(
        operation: "op-1", weight: 7,
        effectiveFrom: Timestamp(milliseconds: LedgerWorld.start - 86_400_000)),
    ])
    configuration.dedup.window = 200 * 24 * Hour.milliseconds
    configuration.contextsPerTenant = 3
    configuration.segmentSize = 3_000
    configuration.calendars = try CalendarTable(entries: [
      CalendarEntry(
        tenant: "tenant-1", from: .earliest,
        calendar: .with(day: 17, offset: seed % 2 == 0 ? 5 : -9)),
      CalendarEntry(
        tenant: "tenant-2", from: .earliest, calendar: .with(day: 1, offset: 14)),
      CalendarEntry(tenant: "tenant-2", from: .march, calendar: .with(day: 28, offset: -12)),
    ])
    world = LedgerWorld(configuration)
    model = LedgerModel(configuration: configuration, secret: world.identity.secret)
  }

  mutating func run(steps: Int) throws {
    for _ in 0..<steps {
      switch roll(27) {
      case 0..<11: try judge()
      case 11, 12: wait()
      case 13, 14: try sync(all: roll(2) == 0)
      case 15, 16: finalize()
      case 17, 18, 19: try flush()
      case 20, 21: try crash()
      case 22, 23, 24: try correct()
      default: seal()
      }
    }
    try finish()
  }

  private mutating func judge() throws {
    let group = deliver(upTo: 3)
    let before = world.ledger.openEnd.rawValue
    let actions = world.unsynced.count
    let outcomes = try world.judge(group)
    var taken: [SourceIdentity: Set<UInt64>] = [:]
    var entries = before
    // A new segment begins with a snapshot, before anything of the group.
    if world.unsynced.dropFirst(actions).contains(where: \.isOpenSegment) { entries += 1 }
    for (batch, outcome) in zip(group, outcomes) {
      if let known = model.receipts[batch.source]?[batch.sequence] {
        let isCopy = taken[batch.source]?.contains(batch.sequence) == true
        #expect(outcome.disposition == (isCopy ? .copy : .resent), "seed \(seed)")
        if !isCopy { expect(outcome, is: known) }
        continue
      }
      let codes = model.judge(batch, now: world.now)
      entries += UInt64(codes.count { $0 == 0 || $0 == AckCode.late.rawValue }) + 1
      let position = outcome.receipt.position
      #expect(outcome.disposition == .judged, "seed \(seed)")
      model.note(batch, codes, now: world.now, position: position)
      expect(outcome, is: try #require(model.receipts[batch.source]?[batch.sequence]))
      taken[batch.source, default: []].insert(batch.sequence)
      waiting.append((batch, position))
    }
    for (batch, outcome) in zip(group, outcomes) {
      #expect(outcome.gaps == model.gaps(of: batch.source), "seed \(seed)")
      guard outcome.disposition == .judged else { continue }
      #expect(outcome.receipt.position == LogPosition(entries), "seed \(seed)")
    }
  }

  private func expect(_ outcome: JudgedBatch, is known: LedgerModel.Batch) {
    #expect(outcome.receipt.counts == known.counts, "seed \(seed)")
    #expect(outcome.receipt.arrival.milliseconds == known.arrival, "seed \(seed)")
    let exceptions = AckExceptions(codes: known.codes.span)
    #expect(outcome.exceptions == exceptions.bytes, "seed \(seed)")
  }

  mutating func newBatch() -> TestBatch {
    let source = SourceIdentity(name: "agent-\(roll(3))", epoch: UInt64(roll(2)))
    let sequence = sequences[source, default: 0] + (roll(6) == 0 ? 3 : 1)
    sequences[source] = sequence
    var batch = TestBatch(source: source, sequence: sequence, records: [])
    for _ in 0...roll(8) { batch.records.append(newRecord()) }
    batch.hasInvalid = roll(6) == 0 && batch.records.count < 9
    if batch.hasInvalid { batch.records[0].time = Timestamp(milliseconds: world.now) }
    return batch
  }

  private mutating func newRecord() -> UsageRecord {
    if roll(4) == 0, var old = records.randomElement(using: &random) {
      switch roll(4) {
      case 0: old.quantity += 1
      case 1: old.time = Timestamp(milliseconds: world.now)
      case 2: old.context += "'"
      default: break
      }
      return old
    }
    let kind = UsageKind.allCases[roll(3)]
    let back: Int64 =
      switch roll(10) {
      case 0: 36 * 86_400_000
      case 1: -7_200_000
      case 2, 3: 34 * 86_400_000
      case 4, 5: Int64(roll(5 * 86_400_000))
      default: Int64(roll(7_200_000))
      }
    nextKey += 1
    let type = ContextType.allCases[roll(ContextType.allCases.count)]
    let record = UsageRecord(
      tenant: "tenant-\(roll(3))", kind: kind, operation: "op-\(roll(3))", contextType: type,
      context: roll(3) == 0 ? "" : "c\(roll(2))", time: Timestamp(milliseconds: world.now - back),
      quantity: kind == .storage ? Int64(roll(2_000)) - 1_000 : Int64(roll(1_000)),
      key: roll(2) == 0 ? .raw(UInt128(nextKey) << 60) : .text("key \(nextKey)"))
    records.append(record)
    return record
  }

  private mutating func wait() {
    let steps: [Int64] = [1_000, 60_000, 3_600_000, 86_400_000, 6 * 86_400_000]
    world.tick(after: steps[roll(steps.count)])
  }

  private mutating func seal() {
    world.ledger.sealBlock()
    world.take()
  }

  private mutating func sync(all: Bool) throws {
    world.sync(all ? nil : roll(4))
    let synced = world.ledger.synced.position
    acked += waiting.filter { $0.position <= synced }
    waiting.removeAll { $0.position <= synced }
  }

  private mutating func finalize() {
    let tenant = "tenant-\(roll(3))"
    let period = BillingPeriod(
      month: BillingPeriod(containing: Timestamp(milliseconds: world.now)).month
        - Int32(roll(3)))
    let before = world.ledger.end
    do throws(FinalizeRefusal) {
      let done = try world.finalize(period, tenant, accepting: roll(3) > 0 ? "they are lost" : nil)
      let calendar = world.configuration.calendars.schedule(of: tenant)
      #expect(done.bounds == calendar.bounds(of: period), "seed \(seed)")
      model.finalize(tenant, done.bounds, position: world.ledger.end.position)
    } catch {
      #expect(world.ledger.end == before, "seed \(seed): a refusal changed the log")
    }
  }

  /// Voids or amends a record that counts, or tries it with one that no longer does.
  private mutating func correct() throws {
    guard !model.counted.isEmpty else { return }
    let serial = roll(model.counted.count)
    let counted = model.counted[serial]
    let found = FoundRecord(
      position: LogPosition(1 << 40 + UInt64(serial)),
      booked: BookedRecord(
        record: counted.record, weight: UInt32(counted.weight), bookingStart: counted.booking),
      revision: counted.revision)
    var amendment: Amendment?
    if roll(2) == 0 {
      amendment = Amendment()
      if counted.record.kind != .storage || roll(2) == 0 {
        amendment?.quantity = counted.record.quantity &+ 1
      }
      if roll(2) == 0 { amendment?.operation = "op-\(roll(3))" }
      if roll(3) == 0 { amendment?.context = (.project, "c\(roll(4))") }
      if roll(3) == 0 {
        amendment?.time = Timestamp(
          milliseconds: counted.record.time.milliseconds - 40 * 86_400_000)
      }
    }
    let before = world.ledger.end
    do {
      let correction =
        try amendment.map {
          try world.ledger.amend(found, $0, operatorName: "test", reason: "because")
        } ?? world.ledger.void(found, operatorName: "test", reason: "because")
      world.take()
      #expect(!counted.isVoid, "seed \(seed): voided twice")
      var replacement = amendment?.applied(to: counted.record)
      if let key = correction.correction.added?.record.key { replacement?.key = key }
      model.correct(
        serial, with: replacement, now: world.now, position: world.ledger.end.position)
    } catch let refusal as CorrectionRefusal {
      #expect(world.ledger.end == before, "seed \(seed): a refusal changed the log")
      let isExpected =
        counted.isVoid ? refusal == .alreadyVoid(found.position) : refusal == .unchanged
      #expect(isExpected, "seed \(seed): \(refusal)")
    }
  }

  private mutating func flush() throws {
    if inFlight == nil {
      _ = world.ledger.beginFlush(token: UInt128(random.next()))
      world.take()
      if roll(3) > 0 { try sync(all: true) }
      inFlight = world.ledger.takeFlush()
    }
    guard let batch = inFlight else { return }
    switch roll(4) {
    case 0: break
    case 1: try world.postgres.commit(batch)  // The answer is lost; it is asked again later.
    default:
      try world.postgres.commit(batch)
      world.ledger.flushCommitted()
      world.take()
      inFlight = nil
    }
    world.postgres.checkSealed()
  }

  private mutating func crash() throws {
    let kept = roll(world.unsynced.count + 1)
    world.crash(keeping: kept, tearing: roll(3) * roll(200))
    inFlight = nil
    if roll(3) == 0 { world.now += 3_600_000 }
    try world.recover(knowingCheckpoint: roll(3) > 0, starting: false)
    let end = world.ledger.end.position
    for (batch, position) in acked {
      #expect(position <= end, "seed \(seed): a told receipt of \(batch.sequence) is lost")
    }
    model.crash(end: end)
    waiting = []
    world.restart()
    for (tenant, bounds) in model.finalized {
      let found = world.ledger.periods().first { $0.tenant == tenant }
      #expect(found?.finalizedThrough == bounds.period)
    }
  }

  private mutating func finish() throws {
    if let batch = inFlight {
      try world.postgres.commit(batch)
      world.ledger.flushCommitted()
      world.take()
    }
    try world.flush(token: 1)
    try world.flush(token: 2)
    #expect(world.postgres.rows == model.rows, "seed \(seed): rows")
    let counting = model.counted.count { !$0.isVoid }
    #expect(world.postgres.rows.sums.values.reduce(0) { $0 + $1.count } == Int64(counting))
    let checkpoint = world.postgres.checkpoint
    #expect(try world.fold(upTo: checkpoint) == model.rows, "seed \(seed): verify")
    world.postgres.checkSealed()
    #expect(world.postgres.finalized == model.finalized.mapValues(\.period))
    // Everything once more: each batch that has a receipt gets it again, the others are new.
    for source in model.receipts.values {
      for known in source.values {
        let outcome = try world.judge(known.batch)
        #expect(outcome.disposition == .resent, "seed \(seed)")
        expect(outcome, is: known)
      }
    }
  }
}

extension LedgerAction {
  fileprivate var isOpenSegment: Bool {
    if case .openSegment = self { true } else { false }
  }
}

@Suite("Random histories of a ledger against the naive model")
struct LedgerModelTests {
  @Test(arguments: 0..<8)
  func histories(block: Int) throws {
    for seed in block * 26..<block * 26 + 26 {
      var history = try LedgerHistory(seed: UInt64(seed))
      try history.run(steps: 70)
    }
  }
}
