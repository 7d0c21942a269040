import Testing
import Wire

@testable import Metering

@Suite("Weights, storage and contexts in the sums of a ledger")
struct LedgerSumTests {
  private func sums(
    _ world: LedgerWorld, _ context: String = "", hour: Int64 = LedgerWorld.start,
    booking: Hour? = nil
  ) -> UsageSums? {
    world.postgres.rows.sums.first { key, _ in
      key.subject.context == context && key.booking == booking
        && key.hour == Hour(containing: Timestamp(milliseconds: hour))
    }?.value
  }

  @Test func theEventTimePicksTheWeight() throws {
    var configuration = LedgerWorld.configuration()
    let start = LedgerWorld.start
    configuration.weights = try WeightTable(entries: [
      WeightEntry(
        operation: "op", weight: 5, effectiveFrom: Timestamp(milliseconds: start + 1_000)),
      WeightEntry(
        operation: "op", weight: 0, effectiveFrom: Timestamp(milliseconds: start + 2_000)),
    ])
    let world = LedgerWorld(configuration)
    try world.judge(
      TestBatch(
        sequence: 1,
        records: [
          .test(1, at: start + 999, quantity: 10), .test(2, at: start + 1_000, quantity: 100),
          .test(3, at: start + 2_000, quantity: 1_000),
          .test(4, kind: .traffic, at: start + 1_500, quantity: 7),
        ]))
    try world.flush(token: 1)
    let rows = world.postgres.rows.sums
    let compute = rows.first { $0.key.subject.kind == .compute }?.value
    let traffic = rows.first { $0.key.subject.kind == .traffic }?.value
    #expect(compute?.quantity == 1_110)
    #expect(compute?.weighted == 510)
    #expect(traffic?.weighted == 7)
    // Another table of weights changes nothing that is in the log.
    world.configuration.weights = .empty
    world.crash()
    try world.recover()
    #expect(try world.fold(upTo: world.postgres.checkpoint) == world.postgres.rows)
  }

  @Test func storageIsExactAndLateStorageRunsToItsBookingPeriod() throws {
    let world = LedgerWorld()
    let time = LedgerWorld.start + 1_234
    let large = Int64.max
    try world.judge(
      TestBatch(
        sequence: 1,
        records: [
          .test(1, kind: .storage, at: time, quantity: large),
          .test(2, kind: .storage, at: time + 1, quantity: -7),
        ]))
    world.tick(after: 3 * 3_600_000)
    try world.flush(token: 1)
    let rest = Int128(3_600_000 - 1_234)
    #expect(sums(world)?.byteMilliseconds == Int128(large) * rest - 7 * (rest - 1))
    #expect(sums(world)?.quantity == Int128(large) - 7)
    try world.finalize(.january, "acme")
    let late = try world.judge(
      TestBatch(sequence: 2, records: [.test(3, kind: .storage, at: time, quantity: 11)]))
    #expect(late.codes(1) == [AckCode.late.rawValue])
    try world.flush(token: 2)
    let adjustment = sums(world, booking: BillingPeriod.february.firstHour)
    #expect(
      adjustment?.byteMilliseconds
        == 11 * Int128(BillingPeriod.february.start.milliseconds - time))
    #expect(sums(world)?.quantity == Int128(large) - 7)
    world.postgres.checkSealed()
  }

  @Test func contextsBeyondTheLimitAreBookedTogether() throws {
    var configuration = LedgerWorld.configuration()
    configuration.contextsPerTenant = 2
    let world = LedgerWorld(configuration)
    func record(_ key: UInt128, _ context: String, _ quantity: Int64 = 1) -> UsageRecord {
      .test(key, type: .project, context: context, quantity: quantity)
    }
    let batch = TestBatch(
      sequence: 1,
      records: [
        record(1, "a"), .test(2), record(3, "b"), record(4, "c", 10), record(5, "d", 100),
        record(6, "a"), .test(7), record(8, "c", 1_000),
      ])
    #expect(try world.judge(batch).receipt.counts.accepted == 8)
    #expect(world.ledger.counters.overflowed == 3)
    try world.flush(token: 1)
    #expect(sums(world, "a")?.quantity == 2)
    #expect(sums(world, "b")?.quantity == 1)
    #expect(sums(world)?.quantity == 2)
    #expect(sums(world, "(overflow)")?.quantity == 1_110)
    for recovers in [false, true] {
      if recovers {
        world.crash()
        try world.recover()
      }
      var other = record(4, "c", 10)
      other.context = "d"
      let again = try world.judge(
        TestBatch(
          sequence: 2, records: [record(4, "c", 10), other, record(9, "b")]))
      // Record 9 was not synced before the crash.
      #expect(again.codes(3) == [1, 2, 0])
    }
    #expect(world.ledger.names.tenantContexts.count(ofTenant: 0) == 2)
    #expect(try world.fold(upTo: world.postgres.checkpoint) == world.postgres.rows)
  }

  @Test func aFullTableOfContextsIsAnOverflowToo() throws {
    var configuration = LedgerWorld.configuration()
    configuration.maximumContexts = 3
    let world = LedgerWorld(configuration)
    let records: [UsageRecord] = [
      .test(1, type: .project, context: "a"), .test(2, type: .project, context: "b"),
    ]
    try world.judge(TestBatch(sequence: 1, records: records))
    #expect(world.ledger.counters.overflowed == 1)
    try world.flush(token: 1)
    #expect(sums(world, "(overflow)")?.count == 1)
    world.crash()
    try world.recover()
    let again = try world.judge(TestBatch(sequence: 2, records: records))
    #expect(again.codes(2) == [1, 1])
  }
}
