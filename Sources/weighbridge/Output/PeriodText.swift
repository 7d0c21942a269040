import Database
import Foundation
import Metering
import SegmentLog
import Server
import Wire

/// Billing periods for people and machines.
enum PeriodText {
  /// A table of periods.
  static func list(_ rows: [PeriodRow]) -> String {
    var table = Table([
      .text("tenant"), .text("period"), .text("state"), .text("finalized"), .text("by"),
      .number("records"), .number("opening bytes"),
    ])
    for row in rows {
      table.add([
        row.tenant, row.bounds.period.text, row.finalized == nil ? "open" : "finalized",
        row.finalized?.time.text ?? "-", row.finalized?.operatorName ?? "-",
        row.finalized.map { NumberText.grouped($0.records) } ?? "-",
        NumberText.grouped(row.openingLevel),
      ])
    }
    return table.text + "\(NumberText.count(rows.count, "period"))\n"
  }

  /// One period with everything that is fixed about it.
  static func text(_ row: PeriodRow) -> String {
    var facts = Facts()
    facts.add("tenant", row.tenant)
    facts.add(
      "period",
      "\(row.bounds.period.text), from \(row.bounds.start.text) to \(row.bounds.end.text)")
    facts.add("opening level", "\(NumberText.grouped(row.openingLevel)) bytes")
    guard let finalized = row.finalized else {
      facts.add("state", "open")
      return facts.text
    }
    facts.add("state", "finalized at \(finalized.time.text) by \(finalized.operatorName)")
    facts.add(
      "log position",
      "\(NumberText.grouped(finalized.position.rawValue)) in partition \(finalized.partition)")
    facts.add("records", NumberText.grouped(finalized.records))
    facts.add("closing level", "\(NumberText.grouped(finalized.closingLevel)) bytes")
    facts.add("digest", "\(finalized.digest), of adjustments \(finalized.adjustmentsDigest)")
    facts.add("totals", finalized.totals)
    return facts.text
  }

  /// What became of each tenant.
  static func text(
    _ results: [FinalizeResult], period: BillingPeriod, isDryRun: Bool = false
  ) -> String {
    guard !results.isEmpty else { return "no tenant has period \(period.text) open\n" }
    var table = Table([.text("tenant"), .text("period"), .text("result")])
    for result in results {
      let gaps = result.acceptsGaps ? ", with gaps that are given up" : ""
      let done = (isDryRun ? "would be finalized" : "finalized") + gaps
      table.add([
        result.tenant, period.text, result.refusal.map { "refused: \($0)" } ?? done,
      ])
    }
    let done = results.count { $0.refusal == nil }
    return table.text + "\(NumberText.grouped(done)) \(isDryRun ? "would be " : "")finalized, "
      + "\(NumberText.grouped(results.count - done)) refused\n"
  }
}

extension PeriodText {
  private struct Row: Encodable {
    var tenant: String
    var period: String
    var periodStart: String
    var periodEnd: String
    var state: String
    var openingLevel: String
    var finalizedAt: String?
    var finalizedBy: String?
    var logPosition: UInt64?
    var records: Int64?
    var closingLevel: String?
    var digest: String?
    var adjustmentsDigest: String?
    var totals: Totals?

    init(_ row: PeriodRow) throws {
      tenant = row.tenant
      period = row.bounds.period.text
      periodStart = row.bounds.start.text
      periodEnd = row.bounds.end.text
      state = row.finalized == nil ? "open" : "finalized"
      openingLevel = "\(row.openingLevel)"
      finalizedAt = row.finalized?.time.text
      finalizedBy = row.finalized?.operatorName
      logPosition = row.finalized?.position.rawValue
      records = row.finalized?.records
      closingLevel = row.finalized.map { "\($0.closingLevel)" }
      digest = row.finalized.map { "\($0.digest)" }
      adjustmentsDigest = row.finalized.map { "\($0.adjustmentsDigest)" }
      totals = try row.finalized.map {
        try JSONDecoder().decode(Totals.self, from: Data($0.totals.utf8))
      }
    }
  }

  /// The column `totals` as it stands: objects in objects, numbers at the end.
  private indirect enum Totals: Codable {
    case object([String: Totals])
    case number(Decimal)
    case text(String)

    init(from decoder: any Decoder) throws {
      let container = try decoder.singleValueContainer()
      if let object = try? container.decode([String: Totals].self) {
        self = .object(object)
      } else if let number = try? container.decode(Decimal.self) {
        self = .number(number)
      } else {
        self = .text(try container.decode(String.self))
      }
    }

    func encode(to encoder: any Encoder) throws {
      var container = encoder.singleValueContainer()
      switch self {
      case .object(let object): try container.encode(object)
      case .number(let number): try container.encode("\(number)")
      case .text(let text): try container.encode(text)
      }
    }
  }

  private struct Finalized: Encodable {
    struct Tenant: Encodable {
      var tenant: String
      var isFinalized: Bool
      var refusal: String?
      var start: String?
      var end: String?
      var acceptsGaps: Bool
    }
    var period: String
    var tenants: [Tenant]
  }

  /// Periods as JSON.
  static func json(_ rows: [PeriodRow]) throws -> String {
    try JSONOutput.text(rows.map(Row.init))
  }

  /// What became of each tenant, as JSON.
  static func json(_ results: [FinalizeResult], period: BillingPeriod) throws -> String {
    try JSONOutput.text(
      Finalized(
        period: period.text,
        tenants: results.map {
          .init(
            tenant: $0.tenant, isFinalized: $0.refusal == nil, refusal: $0.refusal, start: $0.start,
            end: $0.end,
            acceptsGaps: $0.acceptsGaps)
        }))
  }
}
