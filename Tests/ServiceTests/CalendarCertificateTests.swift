import Authentication
import Metering
import Postgres
import SegmentLog
import Testing
import Wire

@testable import Database
@testable import Server

/// What verifies, certifies and exports the period of a tenant that has a calendar of its own, to
/// the hour.
@Suite("Periods of a tenant's own calendar")
struct CalendarCertificateTests {
  private static let january = BillingPeriod(
    containing: Timestamp(milliseconds: FlushedLog.start))

  /// acme's periods begin on the tenth at midnight, five hours behind UTC.
  static func calendars() throws -> CalendarTable {
    let calendar = try #require(PeriodCalendar(anchorDay: 10, offsetHours: -5))
    return try CalendarTable(entries: [
      CalendarEntry(tenant: "acme", from: .earliest, calendar: calendar)
    ])
  }

  private static func time(_ text: String) throws -> Int64 {
    try #require(Timestamp(rfc3339: text)).milliseconds
  }

  /// acme's January with usage in the last millisecond before it, in its first and last one, and in
  /// the first one after it; with late usage and corrections on both sides; and finalized.
  static func makeLog() throws -> FlushedLog {
    let log = try FlushedLog(calendars: calendars())
    let (start, end) = (
      try time("2026-01-10T05:00:00Z"), try time("2026-02-10T05:00:00Z")
    )
    let december = try #require(january.previous)
    try log.add([
      VerifyTests.record(1, at: start - 1, quantity: 1),
      VerifyTests.record(2, at: start, quantity: 20),
      VerifyTests.record(3, tenant: "other", at: start - 1, quantity: 7),
      VerifyTests.record(4, tenant: "other", at: start, quantity: 7),
    ])
    try log.pass(2 * FlushedLog.hour)
    try log.finalize(december, "acme")
    // Booked in January: late usage of December, and the void of what was in time.
    let late = try log.add([VerifyTests.record(5, at: start - 2, quantity: 4_000)])
    #expect(late.late == 1)
    _ = try log.void(1)
    try log.pass(end - FlushedLog.start - FlushedLog.hour * 5 / 2)
    try log.add([
      VerifyTests.record(6, at: end - 1, quantity: 300),
      VerifyTests.record(7, at: end, quantity: 50_000),
    ])
    try log.pass(2 * FlushedLog.hour)
    try log.finalize(january, "acme")
    // Booked in February.
    let later = try log.add([VerifyTests.record(8, at: end - 2, quantity: 600_000)])
    #expect(later.late == 1)
    _ = try log.amend(2, quantity: 21)
    try log.flush()
    return log
  }

  private func certificate(_ log: FlushedLog) throws -> Certificate {
    try CertificateMaker.make(
      log.layout, from: log.rollups, tenant: "acme", period: Self.january)
  }

  private func verify(
    _ log: FlushedLog, _ period: BillingPeriod, tenant: String? = nil
  ) throws -> Verification {
    try LogVerifier.verify(
      log.layout, against: log.rollups,
      scope: FoldScope(tenant: tenant, period: period, calendars: Self.calendars()))
  }

  @Test func theCertificateHasTheHoursOfTheCalendar() throws {
    let log = try Self.makeLog()
    let certificate = try certificate(log)
    #expect(certificate.start.text == "2026-01-10T05:00:00Z")
    #expect(certificate.end.text == "2026-02-10T05:00:00Z")
    let figures = certificate.namedFigures
    #expect(figures[FigureName("totals", "usage", "compute", "quantity")] == "320")
    #expect(figures[FigureName("totals", "adjustments", "compute", "quantity")] == "3999")
    #expect(figures[FigureName("totals", "adjustments", "compute", "records")] == "0")
    #expect(certificate.records == "2")
    let key = try log.layout.readSigningKey()
    let read = try Certificate(
      verifying: try certificate.signed(with: key), with: key.publicKey)
    let found = try CertificateComparison(of: read, with: log.layout, log.rollups)
    #expect(found.differences == [] && found.exit == .done && found.rows == 3)
    #expect(try log.verify().outcome == .equal)
  }

  /// A row at each edge, on this side and on the other: those of the period are named, and in no
  /// other period.
  @Test func aRowAtTheVeryEdgeIsNamed() throws {
    let log = try Self.makeLog()
    let certificate = try certificate(log)
    let (december, february) = (
      try #require(Self.january.previous), try #require(Self.january.next)
    )
    let usage = "usage_hourly SET quantity = quantity + 1 WHERE tenant = 'acme' AND hour"
    let adjustments =
      "usage_adjustments SET digest = digest + 1 WHERE tenant = 'acme' AND booking_period"
    let changes: [(change: String, period: BillingPeriod, named: String)] = [
      (usage + " = '2026-01-10T04:00:00Z'", december, "usage_hourly (acme, 2026-01-10T04:00:00Z"),
      (
        usage + " = '2026-01-10T05:00:00Z'", Self.january,
        "usage_hourly (acme, 2026-01-10T05:00:00Z"
      ),
      (
        usage + " = '2026-02-10T04:00:00Z'", Self.january,
        "usage_hourly (acme, 2026-02-10T04:00:00Z"
      ),
      (usage + " = '2026-02-10T05:00:00Z'", february, "usage_hourly (acme, 2026-02-10T05:00:00Z"),
      (
        adjustments + " = '2026-01-10T05:00:00Z'", Self.january,
        "usage_adjustments (acme, 2026-01-10T04:00:00Z"
      ),
      (
        adjustments + " = '2026-02-10T05:00:00Z' AND origin_hour = '2026-02-10T04:00:00Z'",
        february, "usage_adjustments (acme, 2026-02-10T04:00:00Z"
      ),
    ]
    for (change, period, named) in changes {
      try log.database.tampered("UPDATE weighbridge.\(change)") {
        let found = try CertificateComparison(of: certificate, with: log.layout, log.rollups)
        #expect(found.exit == (period == Self.january ? .refused : .done), "\(change)")
        #expect(
          found.differences.contains { $0.hasPrefix(named) } == (period == Self.january),
          "\(change): \(found.differences)")
        for other in [december, Self.january, february] {
          for tenant in ["acme", nil] {
            let found = try verify(log, other, tenant: tenant)
            #expect(found.outcome == (other == period ? .differs : .equal), "\(change)")
            #expect(
              found.differences.contains { $0.hasPrefix(named) } == (other == period),
              "\(change) in \(other.text): \(found.differences)")
          }
        }
      }
    }
    #expect(
      try CertificateComparison(of: certificate, with: log.layout, log.rollups).exit == .done)
  }

  /// The other tenant's periods are months: what lies in acme's January is in them or not by
  /// itself.
  @Test func aPeriodOfAllTenantsHasEachTenantsOwnHours() throws {
    let log = try Self.makeLog()
    let found = try verify(log, Self.january)
    // Two rows and one adjustment of acme, two rows of the other.
    #expect(found.outcome == .equal && found.usage.equal == 4 && found.adjustments.equal == 1)
    let february = try verify(log, #require(Self.january.next))
    #expect(february.usage.equal == 1 && february.adjustments.equal == 2)
  }

  @Test func certificatesCompareTheirBounds() throws {
    let log = try Self.makeLog()
    let certificate = try certificate(log)
    let found = try log.database.tampered(
      """
      UPDATE weighbridge.billing_periods SET period_end = period_end + interval '1 h'
      WHERE tenant = 'acme' AND name = '2026-02';
      UPDATE weighbridge.billing_periods SET period_end = period_end - interval '1 h'
      WHERE tenant = 'acme' AND name = '2026-01'
      """
    ) { try CertificateComparison(of: certificate, with: log.layout, log.rollups) }
    #expect(
      found.differences.contains(
        "billing_periods (acme, 2026-01): period_end is 2026-02-10T04:00:00Z, the certificate says "
          + "2026-02-10T05:00:00Z"), "\(found.differences)")
  }
}
