import Testing
import Wire

@testable import Metering

@Suite("Hours close, periods are finalized")
struct LedgerPeriodTests {
  private let hour: Int64 = 3_600_000
  private let day: Int64 = 86_400_000
  private let january = PeriodBounds(monthOf: .january)

  private func refusal(
    _ world: LedgerWorld, _ period: BillingPeriod, _ tenant: String = "acme"
  ) -> FinalizeRefusal? {
    let before = (world.ledger.end, world.ledger.periods())
    do throws(FinalizeRefusal) {
      try world.finalize(period, tenant)
      return nil
    } catch {
      #expect(world.ledger.end == before.0)
      #expect(world.ledger.periods() == before.1)
      return error
    }
  }

  @Test func hoursCloseOnceAndInOrderWithoutUsage() throws {
    let world = LedgerWorld()
    world.tick()
    let first = Hour(containing: Timestamp(milliseconds: world.now))
    // The grace of the hour before the last one is over.
    #expect(world.ledger.closedThrough == Hour(index: first.index - 2))
    world.tick(after: 599_999)
    #expect(world.ledger.closedThrough == Hour(index: first.index - 2))
    world.tick(after: 1)
    #expect(world.ledger.closedThrough == Hour(index: first.index - 1))
    world.tick(after: 5 * hour)
    try world.flush(token: 1)
    world.crash()
    try world.recover()
    world.tick()
    world.tick(after: hour)
    try world.flush(token: 2)
    let indices = world.postgres.closedHours.map(\.index)
    #expect(indices == Array(first.index - 2...first.index + 5))
    #expect(world.ledger.flushedClosedThrough == world.ledger.closedThrough)
  }

  @Test func everyPreconditionRefusesAndChangesNothing() throws {
    let world = LedgerWorld()
    try world.judge(TestBatch(sequence: 1, records: [.test(1)]))
    world.tick()
    #expect(refusal(world, .january) == .notOver(january))
    world.tick(after: 2 * hour)
    let closed = world.ledger.closedThrough
    #expect(refusal(world, .january) == .hoursOpen(january, closedThrough: closed))
    world.tick(after: 600_000)
    #expect(refusal(world, .january) == .hoursUnflushed(january, flushedThrough: nil))
    let didBegin = world.ledger.beginFlush(token: 9)
    #expect(didBegin)
    #expect(refusal(world, .january) == .hoursUnflushed(january, flushedThrough: nil))
    try world.flush(token: 1)
    #expect(refusal(world, .january, "nobody") == .unknownTenant("nobody"))
    world.ledger.tick(
      wall: Timestamp(milliseconds: world.now + 400 * day), monotonic: world.now)
    #expect(refusal(world, .january) == .clockHeld)
    world.tick()
    #expect(refusal(world, .january) == nil)
    #expect(refusal(world, .january) == .alreadyFinalized(tenant: "acme", .january))
  }

  @Test func aTenantWithRejectedRecordsAloneIsUnknown() throws {
    let world = LedgerWorld()
    try world.judge(TestBatch(sequence: 1, records: [.test(1, at: 0)]))
    world.tick(after: 3 * hour)
    try world.flush(token: 1)
    #expect(refusal(world, .january) == .unknownTenant("acme"))
    #expect(world.ledger.tenantsOpen(in: .january).isEmpty)
  }

  @Test func periodsOfATenantFinalizeInOrder() throws {
    let world = LedgerWorld()
    try world.judge(
      TestBatch(sequence: 1, records: [.test(1), .test(2, tenant: "new", at: world.now)]))
    for _ in 0..<5 { world.tick(after: 6 * day) }
    try world.judge(TestBatch(sequence: 2, records: [.test(3, tenant: "young", at: world.now)]))
    try world.flush(token: 1)
    #expect(world.ledger.tenantsOpen(in: .january) == ["acme", "new"])
    for _ in 0..<5 { world.tick(after: 6 * day) }
    try world.flush(token: 2)
    let refused = FinalizeRefusal.earlierPeriodOpen(tenant: "acme", .january)
    #expect(refusal(world, .february) == refused)
    #expect(refusal(world, .january) == nil)
    #expect(refusal(world, .february) == nil)
    #expect(refusal(world, .january) == .alreadyFinalized(tenant: "acme", .january))
    let december = BillingPeriod(month: BillingPeriod.january.month - 1)
    let passed = refusal(world, december)
    #expect(passed == .laterPeriodFinalized(tenant: "acme", december, last: .february))
    #expect(
      passed?.description
        == "period 2025-12 of tenant acme lies before 2026-02, the last finalized one; periods "
        + "are finalized in order")
    // The period before the first usage is empty; finalizing it closes it for good. One before that
    // would leave empty periods open in between.
    let unknown = refusal(world, .january, "young")
    #expect(unknown == .unknownPeriod(tenant: "young", .january, first: .march))
    #expect(unknown?.description.contains("its first usage is of 2026-03") == true)
    #expect(refusal(world, .february, "young") == nil)
    #expect(world.ledger.tenantsOpen(in: .january) == ["new"])
    try world.flush(token: 3)
    #expect(world.postgres.finalized["acme"] == .february)
  }

  @Test func lateUsageIsBookedInTheOldestOpenPeriod() throws {
    let world = LedgerWorld()
    let january = world.now
    try world.judge(TestBatch(sequence: 1, records: [.test(1, at: january)]))
    world.tick(after: 3 * hour)
    try world.flush(token: 1)
    #expect(refusal(world, .january) == nil)
    // In the span of the flush that finalizes January, and before it reaches Postgres.
    let first = try world.judge(TestBatch(sequence: 2, records: [.test(2, at: january + 1)]))
    #expect(first.codes(1) == [AckCode.late.rawValue])
    try world.flush(token: 2)
    for _ in 0..<5 { world.tick(after: 6 * day) }
    try world.flush(token: 3)
    #expect(refusal(world, .february) == nil)
    let second = try world.judge(
      TestBatch(
        sequence: 3, records: [.test(3, at: january + 2), .test(4, at: world.now - 20 * day)]))
    #expect(second.codes(2) == [AckCode.late.rawValue, AckCode.late.rawValue])
    try world.flush(token: 4)
    let bookings = world.postgres.rows.sums.keys.compactMap(\.booking).sorted()
    #expect(bookings == [BillingPeriod.february, .march, .march].map(\.firstHour))
    world.postgres.checkSealed()
    let expected = world.postgres.rows
    world.crash()
    world.postgres = PostgresModel()
    try world.recover()
    try world.flush(token: 5)
    #expect(world.postgres.rows == expected)
    #expect(world.postgres.finalized["acme"] == .february)
  }
}
