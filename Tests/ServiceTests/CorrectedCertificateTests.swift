import Authentication
import Metering
import Postgres
import SegmentLog
import Testing
import Wire

@testable import Database
@testable import Server

/// Certificates of periods in which records were voided, amended and replayed.
@Suite("Certificates and corrections")
struct CorrectedCertificateTests {
  private static let january = BillingPeriod(
    containing: Timestamp(milliseconds: FlushedLog.start))
  private static var february: BillingPeriod { BillingPeriod(month: january.month + 1) }

  private func certificate(_ log: FlushedLog, _ period: BillingPeriod) throws -> Certificate {
    try CertificateMaker.make(log.layout, from: log.rollups, tenant: "acme", period: period)
  }

  private func compare(
    _ certificate: Certificate, _ log: FlushedLog
  ) throws -> CertificateComparison {
    try CertificateComparison(of: certificate, with: log.layout, log.rollups)
  }

  private func figure(_ certificate: Certificate, _ path: String...) -> String? {
    certificate.namedFigures[FigureName(path)]
  }

  /// Whether a named segment holds a correction.
  private func names(_ certificate: Certificate, _ correction: LoggedCorrection) -> Bool {
    certificate.segments.contains {
      $0.start <= correction.position && correction.position < $0.end.position
    }
  }

  /// A January with corrections before it is finalized: each in a segment of its own.
  private func makeLog() throws -> (log: FlushedLog, made: [LoggedCorrection]) {
    let log = try FlushedLog()
    try log.add([
      VerifyTests.record(1, quantity: 5), VerifyTests.record(2, operation: "other", quantity: 7),
      VerifyTests.record(3, kind: .storage, quantity: 1_000),
      VerifyTests.record(4, operation: "gone", quantity: 9),
    ])
    var made: [LoggedCorrection] = []
    made.append(try log.void(4))
    try log.flush()
    made.append(try log.amend(2, quantity: 8))
    try log.flush()
    made.append(try log.replay(VerifyTests.record(5, quantity: 11), quarantined: 1))
    try log.flush()
    // What comes and goes within one flush leaves a row of nothing.
    _ = try log.addUnflushed([VerifyTests.record(6, operation: "never", quantity: 13)])
    made.append(try log.void(6))
    try log.pass(3 * FlushedLog.hour)
    try log.finalizeFirstMonth()
    return (log, made)
  }

  @Test func correctionsBeforeTheFinalizationAreInItsFigures() throws {
    let (log, made) = try makeLog()
    let certificate = try certificate(log, Self.january)
    #expect(certificate.records == "4")
    #expect(figure(certificate, "totals", "usage", "compute", "quantity") == "24")
    #expect(figure(certificate, "totals", "usage", "compute", "records") == "3")
    for (operation, records, quantity) in [
      ("op", "2", "16"), ("other", "1", "8"), ("gone", "0", "0"), ("never", "0", "0"),
    ] {
      let path = ["operation_totals", "usage", "compute", operation]
      #expect(certificate.namedFigures[FigureName(path + ["records"])] == records, "\(operation)")
      #expect(certificate.namedFigures[FigureName(path + ["quantity"])] == quantity)
    }
    #expect(made.allSatisfy { names(certificate, $0) }, "\(certificate.segments)")
    let found = try compare(certificate, log)
    #expect(found.differences == [] && found.exit == .done && found.rows == 5)
    // A row of nothing is a row.
    for operation in ["gone", "never"] {
      let changed = try log.database.tampered(
        """
        UPDATE weighbridge.usage_hourly SET quantity = quantity + 1
        WHERE operation = '\(operation)'
        """
      ) { try compare(certificate, log) }
      #expect(
        changed.differences.first
          == "usage_hourly (acme, 2026-01-31T22:00:00Z, compute, \(operation), project, \"p\"): "
          + "quantity is 1, the log gives 0", "\(changed.differences)")
    }
    #expect(try compare(certificate, log).exit == .done)
  }

  @Test func correctionsAfterTheFinalizationAreAdjustmentsOfTheNextPeriod() throws {
    let (log, _) = try makeLog()
    let key = try log.layout.readSigningKey()
    let january = try certificate(log, Self.january)
    let bytes = try january.signed(with: key)
    let made = [
      try log.void(1), try log.amend(3, quantity: 400),
      try log.replay(VerifyTests.record(7, operation: "late", quantity: 20), quarantined: 2),
    ]
    try log.add([VerifyTests.record(8, at: FlushedLog.start + 3 * FlushedLog.hour, quantity: 2)])
    // January is what it was, in every byte.
    #expect(try certificate(log, Self.january).signed(with: key) == bytes)
    #expect(try compare(january, log).exit == .done)

    try log.pass(29 * FlushedLog.day)
    try log.finalize(Self.february, "acme")
    let february = try certificate(log, Self.february)
    #expect(february.start == january.end)
    #expect(figure(february, "opening_level") == "1000")
    #expect(figure(february, "closing_level") == "400")
    #expect(february.records == "1")
    #expect(figure(february, "totals", "usage", "compute", "quantity") == "2")
    #expect(figure(february, "totals", "adjustments", "compute", "records") == "0")
    #expect(figure(february, "totals", "adjustments", "compute", "quantity") == "15")
    #expect(figure(february, "totals", "adjustments", "storage", "quantity") == "-600")
    let totals = ["operation_totals", "adjustments", "compute"]
    #expect(february.namedFigures[FigureName(totals + ["op", "records"])] == "-1")
    #expect(february.namedFigures[FigureName(totals + ["op", "quantity"])] == "-5")
    #expect(february.namedFigures[FigureName(totals + ["late", "quantity"])] == "20")
    #expect(made.allSatisfy { names(february, $0) && !names(january, $0) })
    let found = try compare(february, log)
    #expect(found.differences == [] && found.exit == .done && found.rows == 4)

    // The negative of a void is a row like every other.
    let changed = try log.database.tampered(
      """
      UPDATE weighbridge.usage_adjustments SET quantity = quantity + 1 WHERE operation = 'op'
        AND kind = 'compute'
      """
    ) { (try compare(february, log), try compare(january, log)) }
    #expect(
      changed.0.differences.first
        == "usage_adjustments (acme, 2026-01-31T22:00:00Z, compute, op, project, \"p\", booked in "
        + "2026-02): quantity is -4, the log gives -5", "\(changed.0.differences)")
    #expect(changed.1.exit == .done)
    #expect(try compare(february, log).exit == .done)
  }

  /// Of an adjustment the deleted segments may have had the void that took something away, so that
  /// what is left of it in the log is more than the row.
  @Test func aVoidInDeletedSegmentsIsNoDifference() throws {
    let (log, _) = try makeLog()
    _ = try log.void(1)
    try log.flush()
    try log.pass(40 * FlushedLog.day)
    _ = try log.replay(VerifyTests.record(9, quantity: 3), quarantined: 2)
    try log.flush()
    try log.finalize(Self.february, "acme")
    let certificate = try certificate(log, Self.february)
    #expect(figure(certificate, "totals", "adjustments", "compute", "records") == "0")
    // The void came 40 days before the late record: its segment leaves first.
    #expect(try log.deleteOldSegments(olderThan: FlushedLog.day) > 0)
    let found = try compare(certificate, log)
    #expect(found.differences == [] && found.exit == .beyondRetention, "\(found.differences)")
    #expect(try log.verify().outcome == .beyondRetention)
  }
}
