import Metering
import Server
import Wire

/// The figures of a moment in the past, for people and machines.
enum PastText {
  /// The figures of each tenant, what differs, and the answer of each.
  static func text(_ past: PastFigures, _ period: BillingPeriod) -> String {
    var facts = Facts()
    facts.add("period", period.text)
    facts.add("as of", "flush \(past.flush), written at \(past.time.text)")
    facts.add(
      "log",
      "up to position " + past.positions.map { NumberText.grouped($0) }.joined(separator: ", "))
    var text = facts.text
    for tenant in past.tenants {
      var facts = Facts()
      facts.add("tenant", tenant.tenant)
      for (name, value) in tenant.figures.sorted(by: { $0.key < $1.key }) {
        facts.add(name, value)
      }
      text += "\n" + facts.text
      for difference in tenant.differences { text += "differs: \(Table.printable(difference))\n" }
      text += tenant.outcome == .open ? "open then, not compared\n" : "\(tenant.outcome.rawValue)\n"
    }
    return text + (past.tenants.isEmpty ? "no usage\n" : "")
  }

  private struct Answer: Encodable {
    struct Tenant: Encodable {
      var tenant: String
      var outcome: PastFigures.Outcome
      var figures: [String: String]
      var differences: [String]
    }

    var period: String
    var flush: Int64
    var flushedAt: String
    var positions: [UInt64]
    var tenants: [Tenant]
  }

  /// The same as JSON.
  static func json(_ past: PastFigures, _ period: BillingPeriod) throws -> String {
    try JSONOutput.text(
      Answer(
        period: period.text, flush: past.flush, flushedAt: past.time.text,
        positions: past.positions,
        tenants: past.tenants.map {
          .init(
            tenant: $0.tenant, outcome: $0.outcome, figures: $0.figures,
            differences: $0.differences)
        }))
  }
}
