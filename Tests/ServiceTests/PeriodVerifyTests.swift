import Foundation
import Metering
import Postgres
import SegmentLog
import Testing
import Wire

@testable import Database
@testable import Server

/// `weighbridge verify --period`, with a tenant, and as of an earlier flush.
@Suite("Verify one period")
struct PeriodVerifyTests {
  private static let january = BillingPeriod(
    containing: Timestamp(milliseconds: FlushedLog.start))
  private static var february: BillingPeriod { BillingPeriod(month: january.month + 1) }

  private func verify(
    _ log: FlushedLog, _ period: BillingPeriod = january, tenant: String? = nil
  ) throws -> Verification {
    try LogVerifier.verify(
      log.layout, against: log.rollups,
      scope: FoldScope(tenant: tenant, period: period, calendars: .empty))
  }

  private func past(
    _ log: FlushedLog, _ moment: FlushMoment, _ period: BillingPeriod = january,
    tenant: String? = nil
  ) throws -> PastFigures {
    try PastFigures(
      at: moment, of: FoldScope(tenant: tenant, period: period, calendars: .empty), in: log.layout,
      log.rollups)
  }

  @Test func onlyTheRowsOfThePeriodAreCompared() throws {
    let log = try VerifyTests.makeLog()
    let all = try verify(log)
    #expect(all.outcome == .equal && all.usage.equal == 4 && all.adjustments.equal == 0)
    #expect(all.periods.equal == 2 && all.records == 7)
    let acme = try verify(log, tenant: "acme")
    #expect(acme.outcome == .equal && acme.usage.equal == 3 && acme.periods.equal == 1)
    let open = try verify(log, Self.february, tenant: "acme")
    #expect(open.outcome == .equal && open.usage.equal == 1 && open.adjustments.equal == 2)
    let globex = try verify(log, Self.february, tenant: "globex")
    #expect(globex.outcome == .equal && globex.usage.equal == 0)
  }

  @Test func aTenantIsVerifiedOverAllOfItsPeriods() throws {
    let log = try VerifyTests.makeLog()
    func verify(_ tenant: String) throws -> Verification {
      try LogVerifier.verify(
        log.layout, against: log.rollups, scope: FoldScope(tenant: tenant))
    }
    let (acme, globex) = (try verify("acme"), try verify("globex"))
    #expect(acme.outcome == .equal && acme.usage.equal == 4 && acme.adjustments.equal == 2)
    #expect(acme.periods.equal == 1 && acme.tenants == 1)
    #expect(globex.outcome == .equal && globex.usage.equal == 1 && globex.periods.equal == 1)
    let error = #expect(throws: CommandFailure.self) { _ = try verify("nobody") }
    #expect(
      error?.message
        == "there is no usage of tenant nobody, neither in Postgres nor in the log")
    try log.database.tamper("DELETE FROM weighbridge.billing_periods WHERE tenant = 'acme'")
    #expect(try verify("acme").periods.differing > 0)
    #expect(try verify("globex").outcome == .equal)
  }

  @Test func aDifferenceIsSeenInItsScopeAlone() throws {
    let log = try VerifyTests.makeLog()
    try log.database.tamper(
      """
      UPDATE weighbridge.usage_hourly SET quantity = quantity + 1
      WHERE tenant = 'globex' AND hour < '2026-02-01T00:00:00Z'
      """)
    #expect(try verify(log, tenant: "acme").outcome == .equal)
    #expect(try verify(log, Self.february).outcome == .equal)
    for tenant in ["globex", nil] {
      let found = try verify(log, tenant: tenant)
      #expect(found.outcome == .differs && found.usage.differing == 1)
      #expect(found.periods.differing == 1)
    }
    try log.database.tamper("UPDATE weighbridge.usage_adjustments SET quantity = quantity + 1")
    #expect(try verify(log, Self.february, tenant: "acme").adjustments.differing == 2)
    #expect(try verify(log, tenant: "acme").outcome == .equal)
  }

  @Test func theTotalOfAnOperationIsSeenInItsScopeAlone() throws {
    let log = try VerifyTests.makeLog()
    let flush = try log.lastFlush()
    try log.database.tamper(
      """
      UPDATE weighbridge.billing_periods
      SET operation_totals = jsonb_set(operation_totals, '{usage,compute,other,weighted}', '8')
      WHERE tenant = 'acme' AND state = 'finalized'
      """)
    let name = "billing_periods (acme, 2026-01): operation_totals.usage.compute.other.weighted"
    for tenant in ["acme", nil] {
      let found = try verify(log, tenant: tenant)
      #expect(found.outcome == .differs)
      #expect(found.differences == ["\(name) is 8, its rows give 7, the log gives 7"])
    }
    #expect(try verify(log, tenant: "globex").outcome == .equal)
    #expect(try verify(log, Self.february, tenant: "acme").outcome == .equal)
    let past = try past(log, .flush(flush), tenant: "acme")
    #expect(past.tenants.first?.differences == ["\(name) is 8, the log gives 7"])
    #expect(past.exit == .refused)
    // What the log no longer has, the rows still add up to.
    try log.pass(40 * FlushedLog.day)
    #expect(try log.deleteOldSegments() > 0)
    #expect(
      try verify(log, tenant: "acme").periods.differences.map(\.description)
        == ["\(name) is 8, its rows give 7"])
  }

  @Test func aRowThatOnlyOneOfThemHasIsSeen() throws {
    let log = try VerifyTests.makeLog()
    try log.database.tamper(
      """
      DELETE FROM weighbridge.usage_hourly WHERE tenant = 'globex';
      DELETE FROM weighbridge.billing_periods WHERE tenant = 'globex'
      """)
    let found = try verify(log, tenant: "globex")
    #expect(found.usage.differing == 1 && found.periods.differing == 1, "\(found.differences)")
    #expect(try verify(log, tenant: "acme").outcome == .equal)
    #expect(try verify(log, Self.february).outcome == .equal)
    try log.database.tamper(
      """
      INSERT INTO weighbridge.usage_hourly
      SELECT 'eve', hour, kind, operation, context_type, context, records, quantity, weighted,
        byte_milliseconds, digest, flush_id
      FROM weighbridge.usage_hourly WHERE hour < '2026-02-01T00:00:00Z'
      """)
    #expect(try verify(log, tenant: "eve").usage.differing == 3)
  }

  @Test func anUnknownTenantOrPeriodIsAnError() throws {
    let log = try VerifyTests.makeLog()
    for (tenant, period) in [("nobody", Self.january), ("acme", BillingPeriod(month: 0))] {
      do {
        _ = try verify(log, period, tenant: tenant)
        Issue.record("verified \(tenant) in \(period.text)")
      } catch {
        let failure = try #require(error as? CommandFailure)
        #expect(
          failure.message == "there is no period \(period.text) of tenant \(tenant), neither in "
            + "Postgres nor in the log")
      }
    }
  }

  @Test func beyondRetentionThePeriodHoldsItsRows() throws {
    let log = try VerifyTests.makeLog()
    try log.pass(40 * FlushedLog.day)
    #expect(try log.deleteOldSegments() > 0)
    let found = try verify(log, tenant: "acme")
    #expect(found.outcome == .beyondRetention && found.incomparable == 3)
    #expect(try verify(log, Self.february, tenant: "acme").outcome == .equal)
    try log.database.tamper(
      """
      UPDATE weighbridge.usage_hourly SET digest = digest + 1
      WHERE tenant = 'globex' AND hour < '2026-02-01T00:00:00Z'
      """)
    #expect(try verify(log, tenant: "acme").outcome == .beyondRetention)
    #expect(try verify(log, tenant: "globex").outcome == .differs)
  }

  @Test func figuresOfEarlierFlushes() throws {
    let log = try FlushedLog()
    try log.add([VerifyTests.record(1, quantity: 5)])
    let first = try log.lastFlush()
    try log.add([
      VerifyTests.record(2, quantity: 7), VerifyTests.record(3, tenant: "globex", quantity: 1),
    ])
    let second = try log.lastFlush()
    try log.pass(3 * FlushedLog.hour)
    try log.finalizeFirstMonth()
    let third = try log.lastFlush()
    try log.add([VerifyTests.record(4, quantity: 100)])
    let fourth = try log.lastFlush()

    func quantities(_ past: PastFigures) -> [String: String?] {
      Dictionary(
        uniqueKeysWithValues: past.tenants.map {
          ($0.tenant, $0.figures["totals.usage.compute.quantity"])
        })
    }
    let open = try past(log, .flush(first))
    #expect(open.flush == first && quantities(open) == ["acme": "5"])
    #expect(open.tenants.map(\.outcome) == [.open] && open.exit == .done)
    // The time that it prints leads to it again.
    #expect(try past(log, .time(open.time)).time == open.time)
    #expect(quantities(try past(log, .flush(second))) == ["acme": "12", "globex": "1"])
    #expect(quantities(try past(log, .flush(second), tenant: "acme")) == ["acme": "12"])
    #expect(try past(log, .flush(first), Self.february).tenants.isEmpty)
    for flush in [third, fourth] {
      let fixed = try past(log, .flush(flush))
      #expect(fixed.tenants.map(\.outcome) == [.equal, .equal], "\(fixed.tenants)")
      #expect(quantities(fixed) == ["acme": "12", "globex": "1"])
    }
    let late = try past(log, .flush(fourth), Self.february, tenant: "acme")
    #expect(late.tenants.first?.figures["totals.adjustments.compute.quantity"] == "100")
    #expect(try past(log, .flush(third), Self.february, tenant: "acme").tenants.isEmpty)
    let now = Timestamp(milliseconds: UsageSource.now() + 3_600_000)
    #expect(try past(log, .time(now)).flush >= fourth)
    try log.database.tamper(
      "UPDATE weighbridge.billing_periods SET records = 3 WHERE tenant = 'acme' AND records = 2")
    let changed = try past(log, .flush(third), tenant: "acme")
    #expect(changed.exit == .refused)
    #expect(
      changed.tenants.first?.differences
        == ["billing_periods (acme, 2026-01): records is 3, the log gives 2"])
    #expect(try past(log, .flush(second), tenant: "acme").exit == .done)
  }

  @Test func momentsThatThereWereNot() throws {
    let log = try VerifyTests.makeLog()
    for (moment, expected) in [
      (FlushMoment.flush(10_000), "there is no flush 10000"),
      (.time(Timestamp(milliseconds: 0)), "there was no flush by 1970-01-01T00:00:00Z"),
    ] {
      do {
        _ = try past(log, moment)
        Issue.record("found figures of \(moment)")
      } catch {
        #expect((error as? CommandFailure)?.message == expected)
      }
    }
    try log.pass(40 * FlushedLog.day)
    #expect(try log.deleteOldSegments() > 0)
    do {
      _ = try past(log, .flush(1))
      Issue.record("found figures of deleted segments")
    } catch {
      #expect((error as? CommandFailure)?.exit == .beyondRetention)
    }
    #expect(try past(log, .flush(log.lastFlush())).exit == .beyondRetention)
  }
}
