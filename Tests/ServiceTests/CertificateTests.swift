import Authentication
import Foundation
import Metering
import Postgres
import SegmentLog
import Testing
import Wire

@testable import Database
@testable import Server

/// Certificates of a finalized period: what is in them, who signed them, and that nothing that they
/// speak of can change unseen.
@Suite("Certificates")
struct CertificateTests {
  private static let month = BillingPeriod(containing: Timestamp(milliseconds: FlushedLog.start))

  private func certificate(
    _ log: FlushedLog, tenant: String = "acme", period: BillingPeriod = month
  ) throws -> Certificate {
    try CertificateMaker.make(log.layout, from: log.rollups, tenant: tenant, period: period)
  }

  private func compare(
    _ certificate: Certificate, _ log: FlushedLog
  ) throws
    -> CertificateComparison
  {
    try CertificateComparison(of: certificate, with: log.layout, log.rollups)
  }

  private func failure(_ body: () throws -> Void) -> CommandFailure? {
    do {
      try body()
      return nil
    } catch { return error as? CommandFailure }
  }

  @Test func itSaysWhatIsFixedAndWhichSegmentsSaySo() throws {
    let log = try VerifyTests.makeLog()
    let certificate = try certificate(log)
    let key = try log.layout.readSigningKey()
    let bytes = try certificate.signed(with: key)
    let again = try Certificate(verifying: bytes, with: key.publicKey)
    #expect(try again.signed(with: key) == bytes)
    #expect(bytes.last == UInt8(ascii: "\n") && bytes.count { $0 == UInt8(ascii: "\n") } == 1)
    #expect(again.tenant == "acme" && again.period == Self.month && again.records == "3")
    #expect(again.start.text == "2026-01-01T00:00:00Z" && again.end.text == "2026-02-01T00:00:00Z")
    #expect(again.operatorName == "olga" && again.time.text == "2026-02-01T01:00:00Z")
    #expect(again.namedFigures[FigureName("totals", "usage", "compute", "quantity")] == "12")
    #expect(again.namedFigures[FigureName("closing_level")] == "1000" && again.run == nil)
    guard case .null = again.acceptedGaps else {
      Issue.record("gaps that nobody accepted")
      return
    }
    // The usage came in one segment, the finalization in another.
    #expect(again.segments.count == 2)
    #expect(again.segments.last?.end.position.rawValue == again.position.rawValue + 1)
    // Foundation reads it too.
    let json = try JSONSerialization.jsonObject(with: Data(bytes)) as? [String: Any]
    let content = json?["certificate"] as? [String: Any]
    #expect(content?["tenant"] as? String == "acme" && content?["version"] as? Int == 1)
    let compared = try compare(again, log)
    #expect(compared.differences == [] && compared.exit == .done && compared.segments == 2)
    #expect(compared.rows == 3)
    // Later usage and later segments do not change it.
    try log.pass(FlushedLog.day)
    try log.add([
      VerifyTests.record(90, at: FlushedLog.start + FlushedLog.day, quantity: 5),
      VerifyTests.record(91, quantity: 5),
    ])
    #expect(try self.certificate(log).signed(with: key) == bytes)
    #expect(try compare(again, log).exit == .done)
  }

  @Test func everyRowAndFigureThatIsChangedByOneUnitIsNamed() throws {
    let log = try VerifyTests.makeLog()
    let certificate = try certificate(log)
    let rows = """
      tenant = 'acme' AND hour < '2026-02-01T00:00:00Z' AND kind = 'compute' AND operation = 'op'
      """
    let row = "usage_hourly (acme, 2026-01-31T22:00:00Z, compute, op, project, \"p\"): "
    let figures = "billing_periods (acme, 2026-01): "
    let changes: [(String, String)] = [
      ("usage_hourly SET quantity = quantity + 1 WHERE \(rows)", row + "quantity is 6"),
      ("usage_hourly SET digest = digest + 1 WHERE \(rows)", row + "digest is "),
      ("usage_hourly SET records = records + 1 WHERE \(rows)", row + "records is 2"),
      ("usage_hourly SET weighted = weighted + 1 WHERE \(rows)", row + "weighted is "),
      (
        "usage_hourly SET byte_milliseconds = byte_milliseconds + 1 WHERE \(rows)",
        row + "byte_milliseconds is 1"
      ),
      (
        "billing_periods SET digest = digest + 1 WHERE tenant = 'acme' AND state = 'finalized'",
        figures + "digest is "
      ),
      (
        "billing_periods SET records = 4 WHERE tenant = 'acme' AND state = 'finalized'",
        figures + "records is 4, the certificate says 3"
      ),
      (
        """
        billing_periods SET totals = jsonb_set(totals, '{usage,compute,quantity}', '13')
        WHERE tenant = 'acme' AND state = 'finalized'
        """, figures + "totals.usage.compute.quantity is 13, the certificate says 12"
      ),
      (
        """
        billing_periods
        SET operation_totals = jsonb_set(operation_totals, '{usage,compute,op,quantity}', '6')
        WHERE tenant = 'acme' AND state = 'finalized'
        """, figures + "operation_totals.usage.compute.op.quantity is 6, the certificate says 5"
      ),
      (
        "billing_periods SET finalized_by = 'eve' WHERE tenant = 'acme' AND state = 'finalized'",
        figures + "finalized_by is eve, the certificate says olga"
      ),
    ]
    try log.database.tamper(
      """
      CREATE TABLE public.kept AS TABLE weighbridge.billing_periods;
      CREATE TABLE public.kept_usage AS TABLE weighbridge.usage_hourly
      """)
    for (change, expected) in changes {
      try log.database.tamper("UPDATE weighbridge.\(change)")
      let found = try compare(certificate, log)
      #expect(found.exit == .refused, "\(change)")
      #expect(found.differences.contains { $0.hasPrefix(expected) }, "\(change): \(found)")
      #expect(
        failure { _ = try self.certificate(log) }?.message.contains("is not certified") == true)
      try log.database.tamper(
        """
        DELETE FROM weighbridge.billing_periods;
        INSERT INTO weighbridge.billing_periods TABLE public.kept;
        DELETE FROM weighbridge.usage_hourly;
        INSERT INTO weighbridge.usage_hourly TABLE public.kept_usage
        """)
    }
    #expect(try compare(certificate, log).exit == .done)
  }

  @Test func rowsThatWereSwappedWithinTheTotalsOfTheirKindAreNamed() throws {
    let log = try VerifyTests.makeLog()
    let certificate = try certificate(log)
    try log.database.tamper(
      """
      UPDATE weighbridge.usage_hourly
      SET quantity = quantity + CASE operation WHEN 'op' THEN 1 ELSE -1 END
      WHERE tenant = 'acme' AND kind = 'compute' AND hour < '2026-02-01T00:00:00Z'
      """)
    let found = try compare(certificate, log).differences
    #expect(
      found.count == 3 && found.prefix(2).allSatisfy { $0.hasPrefix("usage_hourly (acme, ") },
      "\(found)")
    #expect(
      found.last
        == "billing_periods (acme, 2026-01): operation_totals.usage.compute.op.quantity is 5, its "
        + "rows give 6, the log gives 5; operation_totals.usage.compute.other.quantity is 7, its "
        + "rows give 6, the log gives 7")
  }

  @Test func whereTheLogIsDamagedTheRowsStillAddUp() throws {
    let log = try VerifyTests.makeLog()
    let certificate = try certificate(log)
    let segment = try #require(certificate.segments.first)
    let path = PartitionFiles(log.layout.partition(0)).segment(segment.number)
    var bytes = try Data(contentsOf: URL(fileURLWithPath: path))
    bytes[bytes.count / 2] ^= 1
    try bytes.write(to: URL(fileURLWithPath: path))
    let damage = try compare(certificate, log).differences
    #expect(damage.count == 1 && damage[0].hasPrefix("segment \(segment.number): "), "\(damage)")
    try log.database.tamper(
      """
      UPDATE weighbridge.usage_hourly SET weighted = weighted + 1
      WHERE tenant = 'acme' AND operation = 'other'
      """)
    #expect(
      try compare(certificate, log).differences.dropFirst() == [
        "the rows of (acme, 2026-01): operation_totals.usage.compute.other.weighted is 8, the "
          + "certificate says 7",
        "the rows of (acme, 2026-01): totals.usage.compute.weighted is 13, the certificate says 12",
      ])
  }

  @Test func everyByteOfANamedSegmentCounts() throws {
    let log = try VerifyTests.makeLog()
    let certificate = try certificate(log)
    let files = PartitionFiles(log.layout.partition(0))
    var compared = 0
    for segment in certificate.segments {
      let path = files.segment(segment.number)
      let bytes = try Data(contentsOf: URL(fileURLWithPath: path))
      for place in stride(from: 0, to: bytes.count, by: 37) {
        var changed = bytes
        changed[place] ^= 1
        try changed.write(to: URL(fileURLWithPath: path))
        let found = failure {
          let found = try self.compare(certificate, log)
          let isNamed = found.differences.contains {
            $0.hasPrefix("segment \(segment.number): ")
          }
          if found.exit == .refused, isNamed { throw CommandFailure("named") }
        }
        let isNamed = found?.message == "named" || found?.message.contains(path) == true
        #expect(isNamed, "byte \(place) of segment \(segment.number): \(found?.message ?? "none")")
        compared += 1
      }
      try bytes.dropLast().write(to: URL(fileURLWithPath: path))
      #expect(try compare(certificate, log).exit == .refused)
      try bytes.write(to: URL(fileURLWithPath: path))
    }
    #expect(compared > 20)
    #expect(try compare(certificate, log).exit == .done)
  }

  @Test func aSegmentThatIsGoneIsNamedUnlessTheManifestKnowsIt() throws {
    let log = try VerifyTests.makeLog()
    let certificate = try certificate(log)
    try log.pass(40 * FlushedLog.day)
    #expect(try log.deleteOldSegments() > 0)
    let found = try compare(certificate, log)
    #expect(found.differences == [] && found.exit == .beyondRetention, "\(found)")
    #expect(found.deletedSegments > 0)
    // What is certified now names the same chain.
    let later = try self.certificate(log)
    #expect(later.namedFigures == certificate.namedFigures)
    #expect(later.segments.first == certificate.segments.first)
    let files = PartitionFiles(log.layout.partition(0))
    let manifest = try String(contentsOfFile: files.manifest, encoding: .utf8)
    let chain = try #require(
      Manifest(files).read().first { $0.segment == certificate.segments[0].number })
    try manifest.replacingOccurrences(of: chain.chain, with: "1").write(
      toFile: files.manifest, atomically: true, encoding: .utf8)
    #expect(
      try compare(certificate, log).differences.contains {
        $0.hasPrefix("segment \(certificate.segments[0].number) in the manifest: the chain at ")
      })
    try log.removeManifest()
    #expect(
      try compare(certificate, log).differences.first
        == "segment \(certificate.segments[0].number): it is missing, and the manifest does not "
        + "name it")
  }

  @Test func whatCannotBeCertified() throws {
    let log = try VerifyTests.makeLog()
    #expect(
      failure { _ = try certificate(log, tenant: "nobody") }?.message == "there is no tenant nobody"
    )
    #expect(
      failure { _ = try certificate(log, period: BillingPeriod(month: 0)) }?.message
        == "there is no period 1970-01 of tenant acme; it has 2026-01 to 2026-02")
    let open = try #require(Self.month.next)
    #expect(
      failure { _ = try certificate(log, period: open) }?.message.hasPrefix(
        "period 2026-02 of tenant acme is open; ") == true)
    let other = try VerifyTests.makeLog()
    let found = try compare(certificate(log), other)
    #expect(found.differences.count == 1 && found.exit == .refused)
    #expect(found.differences[0].hasPrefix("the certificate is of installation "))
  }

  @Test func acceptedGapsAndTheJobAreNamed() throws {
    let log = try FlushedLog()
    try log.add([VerifyTests.record(1, quantity: 5)])
    log.loseBatch()
    try log.add([VerifyTests.record(2, quantity: 6)])
    try log.pass(3 * FlushedLog.hour)
    try log.finalize(Self.month, "acme", run: 7, accepting: "agent-1 is lost")
    let certificate = try certificate(log)
    #expect(certificate.run == 7)
    let position = try #require(certificate.acceptedGaps["position"]?.text)
    let bytes = try #require(certificate.acceptedGaps.canonicalBytes)
    #expect(
      String(decoding: bytes, as: UTF8.self)
        == "{\"at\":\"2026-02-01T01:00:00Z\",\"by\":\"olga\",\"gaps\":[{\"epoch\":\"1\","
        + "\"missing\":[[\"2\",\"2\"]],\"source\":\"test\"}],\"position\":\"\(position)\","
        + "\"reason\":\"agent-1 is lost\"}")
    #expect(try compare(certificate, log).exit == .done)
    for (change, expected) in [
      ("run_id = 8", "run_id is 8, the certificate says 7"),
      ("run_id = NULL", "run_id is null, the certificate says 7"),
      ("acceptance_position = NULL", "acceptance_position is null, the log gives \(position)"),
    ] {
      let found = try log.database.tampered(
        "UPDATE weighbridge.billing_periods SET \(change) WHERE state = 'finalized'"
      ) { try compare(certificate, log) }
      #expect(
        found.differences.contains("billing_periods (acme, 2026-01): \(expected)"), "\(found)")
    }
    try log.database.tamper("UPDATE weighbridge.gap_acceptances SET reason = 'agent-2 is lost'")
    let changed = try compare(certificate, log)
    let named = changed.differences.first ?? ""
    #expect(changed.differences.count == 1 && changed.exit == .refused)
    #expect(named.hasPrefix("billing_periods (acme, 2026-01): the accepted gaps are "))
    #expect(named.contains("agent-2 is lost"))
  }
}
