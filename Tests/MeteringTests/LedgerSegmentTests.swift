import Dedup
import SegmentLog
import Testing
import Wire

@testable import Metering

@Suite("Segments, blocks and positions of a ledger")
struct LedgerSegmentTests {
  private let day: Int64 = 86_400_000

  private func batch(
    _ number: Int, at time: Int64 = LedgerWorld.start, records: Int = 1
  )
    -> TestBatch
  {
    TestBatch(
      sequence: UInt64(number),
      records: (0..<records).map { .test(UInt128(number) << 32 | UInt128($0), at: time) })
  }

  @Test func aSegmentEndsBySizeOrAge() throws {
    var configuration = LedgerWorld.configuration()
    configuration.segmentSize = 4_000
    configuration.segmentAge = 1_000
    let world = LedgerWorld(configuration)
    #expect(world.ledger.segments.map(\.number) == [1])
    // Without records it does not grow old.
    world.tick(after: 5_000)
    try world.judge(batch(1))
    world.sync()
    #expect(world.ledger.segments.map(\.number) == [1])
    try world.judge(batch(2, records: 300))
    world.sync()
    #expect(world.ledger.segments.count == 2, "by age")
    try world.judge(batch(3))
    #expect(world.ledger.segments.count == 3, "by size")
    // Never while a block is open: its batches would be in the snapshot before it.
    world.tick(after: 5_000)
    world.ledger.sealBlock()
    try world.judge(batch(4))
    try world.judge(batch(5))
    #expect(world.ledger.segments.count == 4)
    world.sync()
    for file in world.files {
      var reader = try SegmentReader(file.bytes.span.raw, segment: file.number)
      let head = try reader.next()
      #expect(head?.header.kind == .control)
    }
  }

  @Test func whatTheManifestSaysOfASegment() throws {
    let world = LedgerWorld()
    let hour = Hour(containing: Timestamp(milliseconds: world.now))
    try world.judge(
      TestBatch(
        sequence: 1,
        records: [
          .test(1, kind: .traffic, quantity: 5), .test(2, kind: .storage, quantity: -5),
          .test(3, kind: .traffic, quantity: 6),
          .test(4, at: world.now - 3_600_000, quantity: 7),
        ]))
    world.sync()
    func check(_ segment: SegmentSummary?) {
      let hours = segment?.hours ?? [:]
      #expect(hours.count == 3)
      let traffic = hours[SegmentSummary.HourKind(hour: hour, kind: .traffic)]
      #expect(traffic == SegmentSummary.HourSums(count: 2, quantity: 11))
      let storage = hours[SegmentSummary.HourKind(hour: hour, kind: .storage)]
      #expect(storage == SegmentSummary.HourSums(count: 1, quantity: -5))
      #expect(segment.flatMap(\.lastHour).map { BillingPeriod(containing: $0) } == .january)
      #expect(segment?.byteCount == world.files[0].bytes.count)
      #expect(segment?.end == world.ledger.end)
    }
    check(world.ledger.segments.last)
    world.crash()
    try world.recover()
    check(world.ledger.segments.last)
  }

  @Test func aSegmentIsRemovableOnlyWhenNothingNeedsIt() throws {
    var configuration = LedgerWorld.configuration()
    configuration.segmentSize = 1
    let world = LedgerWorld(configuration)
    func removable(_ retention: Int64 = 0) -> Int {
      world.ledger.removableSegments(retention: retention).count
    }
    try world.judge(batch(1))
    world.sync()
    for _ in 0..<7 { world.tick(after: 6 * day) }
    #expect(removable() == 0, "not flushed, not finalized")
    try world.flush(token: 1)
    #expect(removable() == 1, "the first one holds no records, the next ones are not finalized")
    try world.finalize(.january, "acme")
    #expect(removable() == 0, "the finalization is not in Postgres")
    world.crash()
    try world.recover()
    try world.flush(token: 2)
    let finalized = world.ledger.periods().first?.finalizedThrough
    #expect(finalized == nil, "the finalization was not synced")
    try world.finalize(.january, "acme")
    try world.flush(token: 3)
    let count = removable()
    #expect(count >= 2)
    #expect(removable(43 * day) == 0, "inside the retention")
    world.ledger.segmentsRemoved(count)
    world.files.removeFirst(count)
    try world.flush(token: 4)
    world.crash()
    try world.recover()
    let first = world.ledger.segments.first?.number
    #expect(first == UInt64(count) + 1)
    #expect(try world.judge(batch(1)).disposition == .archived)
  }

  @Test func insideTheDedupWindowASegmentGoesOnlyWhenItsKeysStandInRuns() throws {
    var configuration = LedgerWorld.configuration()
    configuration.segmentSize = 1
    configuration.dedup.window = 60 * day
    let world = LedgerWorld(configuration)
    try world.judge(batch(1))
    world.sync()
    for _ in 0..<7 { world.tick(after: 6 * day) }
    try world.flush(token: 1)
    try world.finalize(.january, "acme")
    try world.flush(token: 2)
    #expect(world.removableSegments().isEmpty)
    world.upkeep()
    let removable = world.removableSegments()
    let keys = world.ledger.keysThrough
    #expect(removable.last?.end.position == keys)
    world.ledger.segmentsRemoved(removable.count)
    world.files.removeFirst(removable.count)
    world.crash()
    try world.recover()
    let horizon = world.ledger.horizon
    #expect(horizon == nil, "the runs have the keys from the beginning on")
    let again = try world.judge(TestBatch(sequence: 9, records: [.test(1 << 32, at: world.now)]))
    #expect(again.receipt.counts.conflict + again.receipt.counts.duplicate == 1)
  }

  @Test func whatIsOutsideTheWindowIsForTheLogToTell() throws {
    var configuration = LedgerWorld.configuration()
    configuration.segmentSize = 1
    let world = LedgerWorld(configuration)
    try world.judge(batch(1))
    try world.flush(token: 1)
    for _ in 0..<6 { world.tick(after: 6 * day) }
    try world.flush(token: 2)
    try world.finalize(.january, "acme")
    try world.flush(token: 3)
    let arrival = try #require(world.ledger.segments.first { !$0.hours.isEmpty }?.lastArrival)
    let before = world.removableSegments().count
    // No hour ends: the ledger's time passes the window, and the log does not say so.
    world.tick(after: 1)
    #expect(world.ledger.time.milliseconds - arrival.milliseconds > configuration.dedup.window)
    #expect(world.removableSegments().count == before)
    world.tick(after: Hour.milliseconds)
    let synced = world.ledger.synced
    world.ledger.synced(through: synced, segmentSizes: [:])
    #expect(world.removableSegments().count == before, "the entry is not synced")
    world.sync()
    #expect(world.removableSegments().count > before)
  }

  @Test func aReceiptWaitsForItsGroup() throws {
    var configuration = LedgerWorld.configuration()
    configuration.segmentSize = 1
    let world = LedgerWorld(configuration)
    world.sync()
    for round in 0..<4 {
      // New records, then nothing but duplicates: the receipt alone takes a place.
      let fresh = batch(2 * round + 1, records: 3)
      var again = fresh
      again.sequence += 1
      let before = world.ledger.end.position.rawValue
      let outcomes = try world.judge([fresh, again])
      let snapshot: UInt64 = 1
      for outcome in outcomes {
        #expect(outcome.receipt.position.rawValue == before + snapshot + 5)
      }
      world.ledger.sealBlock()
      world.take()
      // No earlier action makes the receipts durable.
      while world.unsynced.count > 1 {
        world.sync(1)
        #expect(world.ledger.synced.position < outcomes[0].receipt.position)
      }
      world.sync(1)
      #expect(world.ledger.synced.position == outcomes[1].receipt.position)
    }
  }

  @Test func aFlushIsReadyOnlyWhenItsTokenIsSynced() throws {
    var configuration = LedgerWorld.configuration()
    configuration.segmentSize = 1
    let world = LedgerWorld(configuration)
    try world.judge(batch(1))
    world.sync()
    let didBegin = world.beginFlush(token: 1)
    let didBeginTwice = world.beginFlush(token: 2)
    #expect(didBegin && !didBeginTwice)
    world.take()
    while !world.unsynced.isEmpty {
      #expect(!world.isFlushReady)
      world.sync(1)
    }
    #expect(world.isFlushReady)
    let batch = try #require(world.takeFlush())
    #expect(batch.records == 1)
    #expect(!world.isFlushReady)
    try world.postgres.commit(batch)
    world.ledger.flushCommitted()
    let isIdle = !world.beginFlush(token: 3)
    #expect(isIdle)
  }

  @Test func aGroupMayFillABlock() throws {
    var configuration = LedgerWorld.configuration()
    configuration.dedup.maximumKeys = 1_000_000
    let world = LedgerWorld(configuration)
    // Long keys fill a block before its records do; then a group of nothing but exceptions.
    var number: UInt64 = 0
    for round in 0..<2 {
      var group: [TestBatch] = []
      for _ in 0..<40 {
        number += 1
        var batch = TestBatch(sequence: number, records: [])
        for key in 0..<1_800 {
          batch.records.append(
            UsageRecord(
              tenant: "acme", kind: .traffic, operation: "op",
              time: Timestamp(milliseconds: world.now), quantity: 1,
              key: .text(round == 0 ? "\(number)-\(key)" : "1-\(key % 100)")))
        }
        group.append(batch)
      }
      try judgeLarge(group, world)
    }
    world.sync()
    let usage = world.ledger.segments[0].hours.values.reduce(0) { $0 + $1.count }
    #expect(usage == 72_000)
    #expect(world.ledger.counters.verdicts[1] == 72_000)
    try world.flush(token: 1)
    world.crash()
    try world.recover()
    #expect(try world.fold(upTo: world.postgres.checkpoint) == world.postgres.rows)
    #expect(world.ledger.sources[0].sequences.ranges == [1...80])
  }

  private func judgeLarge(_ batches: [TestBatch], _ world: LedgerWorld) throws {
    var columns = UsageColumns()
    for batch in batches {
      var encoder = try FrameEncoder(
        source: batch.source, keyID: .none, maximumLength: 65_000)
      for record in batch.records { #expect(encoder.append(record) == .appended) }
      var bytes: [UInt8] = []
      encoder.finish(
        sequence: batch.sequence, highestSequence: batch.sequence, to: &bytes
      ) { _ in 0 }
      let header = try FrameHeader(parsing: bytes.span.raw, limits: .standard)
      try columns.append(frame: bytes.span.raw, header: header)
    }
    let time = Timestamp(milliseconds: world.now)
    try world.ledger.judge(columns, wall: time, monotonic: world.now)
    world.take()
    #expect(world.unsynced.count > 1)
    let outcomes = world.ledger.outcomes
    #expect(outcomes.allSatisfy { $0.disposition == .judged })
  }
}
