import Metering
import SegmentLog
import Server
import Wire

/// Certificates and their checks, for people and machines.
enum CertificateText {
  /// What was written.
  static func text(_ certificate: Certificate, file: String) -> String {
    facts(certificate).text + "written to \(file)\n"
  }

  /// What a check has shown; the answer is the last line.
  static func text(_ certificate: Certificate, _ comparison: CertificateComparison?) -> String {
    var facts = facts(certificate)
    facts.add("signature", "valid")
    guard let comparison else { return facts.text + "valid\n" }
    facts.add(
      "compared",
      "\(NumberText.count(comparison.segments, "segment")) whole, "
        + "\(NumberText.grouped(comparison.deletedSegments)) in the manifest, "
        + "\(NumberText.count(comparison.rows, "row")) equal, "
        + "\(NumberText.grouped(comparison.incomparable)) beyond retention")
    let limit = LogVerifier.differenceLimit
    var text = facts.text
    for difference in comparison.differences.prefix(limit) {
      text += "differs: \(Table.printable(difference))\n"
    }
    if comparison.differences.count > limit {
      text += "and \(NumberText.grouped(comparison.differences.count - limit)) more\n"
    }
    return text + "\(answer(comparison))\n"
  }

  private static func answer(_ comparison: CertificateComparison) -> String {
    switch comparison.exit {
    case .done: "equal"
    case .beyondRetention: "beyond retention"
    case .refused, .usage: "differs"
    }
  }

  private static func facts(_ certificate: Certificate) -> Facts {
    var facts = Facts()
    facts.add("tenant", certificate.tenant)
    facts.add(
      "period",
      "\(certificate.period.text), from \(certificate.start.text) to \(certificate.end.text)")
    facts.add(
      "finalized", "at \(certificate.time.text) by \(certificate.operatorName)")
    facts.add(
      "log",
      "\(NumberText.count(certificate.segments.count, "segment")) of partition "
        + "\(certificate.partition), up to position "
        + NumberText.grouped(certificate.segments.last?.end.position.rawValue ?? 0))
    facts.add(
      "records", Int128(certificate.records).map { NumberText.grouped($0) } ?? certificate.records)
    return facts
  }

  private struct Report: Encodable {
    var tenant: String
    var period: String
    var start: String
    var end: String
    var finalizedAt: String
    var finalizedBy: String
    var records: String
    var segments: [UInt64]
    var outcome: String?
    var differences: [String]?

    init(_ certificate: Certificate) {
      tenant = certificate.tenant
      period = certificate.period.text
      start = certificate.start.text
      end = certificate.end.text
      finalizedAt = certificate.time.text
      finalizedBy = certificate.operatorName
      records = certificate.records
      segments = certificate.segments.map(\.number)
    }
  }

  /// What was written, as JSON.
  static func json(_ certificate: Certificate) throws -> String {
    try JSONOutput.text(Report(certificate))
  }

  /// What a check has shown, as JSON.
  static func json(
    _ certificate: Certificate, _ comparison: CertificateComparison?
  ) throws -> String {
    var report = Report(certificate)
    report.outcome = comparison.map(answer) ?? "valid"
    report.differences = comparison?.differences ?? []
    return try JSONOutput.text(report)
  }
}
