import Dedup
import MemoryRuns
import SeededRandom
import SegmentLog
import Testing
import Wire

@testable import Metering

/// Starts that read of the older segments nothing but the heads.
@Suite("Recovery of a part of the log")
struct RecoveryPartTests {
  private let hour: Int64 = 3_600_000
  private let day: Int64 = 86_400_000

  /// A world in which a generation of keys closes after three days, and segments are small.
  private func makeWorld() -> LedgerWorld {
    var configuration = LedgerWorld.configuration()
    configuration.segmentSize = 2_500
    return LedgerWorld(configuration)
  }

  /// A world of some segments whose keys stand in runs, and all of it in Postgres.
  private func makeLog(_ world: LedgerWorld, days: Int = 12) throws -> LedgerWorld {
    for number in 0..<days {
      world.tick(after: day)
      let records = (0..<40).map {
        UsageRecord.test(UInt128(number) << 32 | UInt128($0), tenant: "t\(number)", at: world.now)
      }
      try world.judge(TestBatch(sequence: UInt64(number + 1), records: records))
      try world.flush(token: UInt128(number + 1))
      world.upkeep()
    }
    world.crash()
    return world
  }

  @Test func whatNoHeadSaysIsReadAndSummedUp() throws {
    let world = try makeLog(makeWorld())
    let first = try world.firstToReplay(checkpoint: world.postgres.checkpoint)
    #expect(first >= 5)
    func state(_ first: UInt64, heads: Set<UInt64>?) throws -> RecoveredState {
      RecoveredState(
        try world.recovered(
          world.postgres.checkpoint, replayingFrom: first, heads: heads,
          store: world.runStore.copy()))
    }
    let whole = try state(0, heads: nil)
    #expect(whole.segments.count > 6)
    #expect(try state(first, heads: nil) == whole)
    #expect(try state(first, heads: []) == whole)
    #expect(try state(first, heads: [1, 3]) == whole)
    // A head may know nothing of the segment before, as those of an older version.
    world.files[2] = try world.files[2].withBareHead()
    #expect(throws: RecoveryError.summaryMissing(segment: 2)) { _ = try state(first, heads: nil) }
    let heads = Set((1..<first).filter { $0 != 2 })
    var expected = whole
    expected.segments[2].byteCount = world.files[2].bytes.count
    #expect(try state(first, heads: heads) == expected)
  }

  @Test func aHeadSaysThatAnAttemptWasCommitted() throws {
    let world = try makeLog(makeWorld(), days: 8)
    try world.judge(TestBatch(sequence: 100, records: [.test(1, at: world.now)]))
    world.beginFlush(token: 100)
    world.sync()
    try world.postgres.commit(try #require(world.takeFlush()))
    world.crash()
    // The log has the attempt, and never the commit.
    try world.recover()
    let checkpoint = world.postgres.checkpoint
    for number in 0..<12 {
      world.tick(after: day)
      let records = (0..<40).map { UsageRecord.test(UInt128(900 + number) << 32 | UInt128($0)) }
      try world.judge(TestBatch(sequence: UInt64(101 + number), records: records))
      world.sync()
      world.upkeep()
    }
    world.crash()
    let first = try world.firstToReplay(checkpoint: nil)
    #expect(first > 3)
    try world.recover(knowingCheckpoint: false, starting: false)
    let found = (world.ledger.checkpoint, world.ledger.attempt)
    #expect(found.0 == checkpoint && found.1 == nil)
    try world.flush(token: 101)
    #expect(try world.fold(upTo: world.postgres.checkpoint) == world.postgres.rows)
  }

  @Test func aSegmentThatIsMissingOrExchangedIsNamed() throws {
    let world = try makeLog(makeWorld())
    // The same installation on another day.
    let other = try makeLog(LedgerWorld(world.configuration, now: LedgerWorld.start + 1_000))
    let first = try world.firstToReplay(checkpoint: world.postgres.checkpoint)
    let files = world.files
    func failure() -> RecoveryError? {
      do {
        _ = try world.recovered(
          world.postgres.checkpoint, replayingFrom: first, store: world.runStore.copy())
        return nil
      } catch { return error as? RecoveryError }
    }
    #expect(failure() == nil)
    for place in 1..<Int(first) {
      world.files = files
      let missing = world.files.remove(at: place).number
      #expect(failure() == .segmentMissing(expected: missing, found: missing + 1))
    }
    for place in 0..<Int(first) - 1 {
      world.files = files
      world.files[place] = other.files[place]
      // The exchanged one says as much of the one before as the next one of it.
      let named = UInt64(max(place, 1))
      guard case .segmentExchanged(segment: named, _, _) = failure() else {
        Issue.record("segment \(place + 1): \(failure().debugDescription)")
        continue
      }
    }
  }

  @Test func theHorizonIsThatOfTheRunsWhereverTheReplayBegins() throws {
    let world = try makeLog(makeWorld(), days: 60)
    let first = try world.firstToReplay(checkpoint: world.postgres.checkpoint)
    let store = world.runStore
    let oldest = try #require(try store.open().map(\.header.span).min { $0.after < $1.after })
    #expect(oldest.after > LedgerWorld.start)
    for number in [0, first - 1, first] {
      let ledger = try world.recovered(
        world.postgres.checkpoint, replayingFrom: number, store: store.copy())
      let horizon = ledger.horizon
      #expect(horizon == Timestamp(milliseconds: oldest.after + 1))
    }
  }

  @Test func keysThatAreReadFromTheMiddleOfTheLogRememberTheirHorizon() throws {
    // Nothing is left of the beginning: no run, no segment.
    let world = try makeLog(makeWorld())
    world.isLossExpected = true
    for number in world.runStore.numbers { world.runStore.remove(number) }
    world.files.removeFirst(4)
    let last = try #require(try world.files[0].head()?.previous).lastArrival
    let horizon = Timestamp(milliseconds: last.milliseconds + 1)
    for round in 0..<3 {
      try world.recover()
      #expect(world.ledger.horizon == horizon)
      world.upkeep()
      #expect(world.runStore.numbers.isEmpty == false)
      // The segments that stood there before are gone now too; the runs have their keys.
      let known = world.ledger.keysThrough
      while world.files.count > 2, try world.files[1].header().start.position <= known {
        world.files.removeFirst()
      }
      #expect(round == 0 || world.files.count < 8)
      world.crash()
    }
  }

  /// One random history; every crash is followed by a whole and a partial start.
  private func run(seed: UInt64) throws -> Int {
    var random = SplitMix64(seed: seed)
    func roll(_ count: Int) -> Int { Int.random(in: 0..<count, using: &random) }
    let world = makeWorld()
    var (sequence, key): (UInt64, UInt128) = (0, 0)
    for step in 0..<60 {
      world.tick(after: [hour / 2, hour, 7 * hour, 26 * hour, 50 * hour][roll(5)])
      for _ in 0...roll(3) {
        sequence += roll(5) == 0 ? 2 : 1
        let records = (0...roll(20)).map { _ in
          key += 1
          return UsageRecord.test(
            key, tenant: "tenant-\(roll(4))", kind: UsageKind.allCases[roll(3)],
            type: .project, context: "c\(roll(3))",
            at: world.now - [0, hour, 20 * day, 33 * day][roll(4)], quantity: Int64(roll(9)))
        }
        try world.judge(
          TestBatch(
            source: SourceIdentity(name: "agent-\(roll(3))", epoch: 1), sequence: sequence,
            records: records))
      }
      if roll(8) > 0 { world.sync() }
      let last = BillingPeriod(containing: Timestamp(milliseconds: world.now)).month - 1
      _ = try? world.finalize(BillingPeriod(month: last), "tenant-\(roll(4))", accepting: "test")
      try flush(world, token: UInt128(step) + 1, how: roll(5))
      world.upkeep()
      if roll(4) == 0 { try crash(world, &random) }
    }
    return world.partialStarts
  }

  private func flush(_ world: LedgerWorld, token: UInt128, how: Int) throws {
    switch how {
    case 0: break
    case 1:
      // The answer to the commit is lost.
      world.beginFlush(token: token)
      world.sync()
      guard let batch = world.takeFlush() else { return }
      try world.postgres.commit(batch)
      try world.recover()
    case 2:
      // It is begun and never sent.
      world.beginFlush(token: token)
    default: try world.flush(token: token)
    }
  }

  private func crash(_ world: LedgerWorld, _ random: inout SplitMix64) throws {
    world.crash(
      keeping: Int.random(in: 0...world.unsynced.count, using: &random),
      tearing: Int.random(in: 0..<300, using: &random))
    if Int.random(in: 0..<4, using: &random) == 0 {
      world.configuration.acceptanceAhead += hour
      world.configuration.canonicalText += "+"
    }
    try world.recover(knowingCheckpoint: Int.random(in: 0..<2, using: &random) == 0)
  }

  @Test(arguments: 0..<4)
  func itComesToTheSameAsAllOfIt(block: Int) throws {
    var parts = 0
    for seed in block * 4..<block * 4 + 4 { parts += try run(seed: UInt64(seed)) }
    #expect(parts > 12, "\(parts) starts could leave segments out")
  }
}

extension LedgerWorld.File {
  /// The file with a snapshot of the older version at its head, which breaks the chain behind it.
  fileprivate func withBareHead() throws -> LedgerWorld.File {
    var reader = try SegmentReader(bytes.span.raw, segment: number)
    let header = reader.header
    let head = try #require(try reader.next()?.header)
    var snapshot = try #require(try self.head())
    snapshot.previous = nil
    let entry = ControlEntry.snapshot(snapshot).encoded()
    var changed: [UInt8] = []
    header.encode(into: &changed)
    var sealer = BlockSealer(continuing: header.start)
    let block = sealer.seal(
      kind: .control, entryCount: 1, firstArrival: head.firstArrival,
      lastArrival: head.lastArrival, raw: RawSpan(), columns: entry.span.raw)
    BlockEncoder().append(block, raw: RawSpan(), columns: entry.span.raw, to: &changed)
    return LedgerWorld.File(number: number, bytes: changed + bytes[reader.offset...])
  }
}
