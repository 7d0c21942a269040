import Database
import Foundation
import Metering
import SegmentLog
import Server
import Wire

/// Billing periods for people and machines.
enum PeriodText {
  /// A table of periods. The bounds are months where calendar months in UTC begin.
  static func list(_ rows: [PeriodRow]) -> String {
    var table = Table([
      .text("tenant"), .text("period"), .text("from"), .text("to"), .text("state"),
      .text("finalized"), .text("by"), .text("gaps"), .number("records"),
      .number("opening bytes"),
    ])
    for row in rows {
      table.add([
        row.tenant, row.bounds.period.text, row.bounds.start.periodText, row.bounds.end.periodText,
        row.finalized == nil ? "open" : "finalized", row.finalized?.time.text ?? "-",
        row.finalized?.operatorName ?? "-", row.finalized?.acceptance == nil ? "-" : "given up",
        row.finalized.map { NumberText.grouped($0.records) } ?? "-",
        NumberText.grouped(row.openingLevel),
      ])
    }
    return table.text + "\(NumberText.count(rows.count, "period"))\n"
  }

  /// One period with everything that is fixed about it.
  static func text(_ row: PeriodRow, _ levels: [NegativeLevel]) -> String {
    var facts = Facts()
    facts.add("tenant", row.tenant)
    facts.add(
      "period",
      "\(row.bounds.period.text), from \(row.bounds.start.text) to \(row.bounds.end.text)")
    facts.add("opening level", "\(NumberText.grouped(row.openingLevel)) bytes")
    for level in levels { facts.add("warning", "\(level)") }
    guard let finalized = row.finalized else {
      facts.add("state", "open")
      return facts.text
    }
    facts.add("state", "finalized at \(finalized.time.text) by \(finalized.operatorName)")
    facts.add(
      "log position",
      "\(NumberText.grouped(finalized.position.rawValue)) in partition \(finalized.partition)")
    if let acceptance = finalized.acceptance {
      facts.add(
        "gaps given up",
        "at \(acceptance.time.text) by \(acceptance.operatorName), because: \(acceptance.reason); "
          + acceptance.gaps)
    }
    facts.add("records", NumberText.grouped(finalized.records))
    facts.add("closing level", "\(NumberText.grouped(finalized.closingLevel)) bytes")
    facts.add("digest", "\(finalized.digest), of adjustments \(finalized.adjustmentsDigest)")
    facts.add("totals", finalized.totals)
    return facts.text
  }

  /// What became of each tenant, and what warns of it.
  static func text(
    _ results: [FinalizeResult], _ levels: [NegativeLevel], period: BillingPeriod,
    isDryRun: Bool = false
  ) -> String {
    guard !results.isEmpty else { return "no tenant has period \(period.text) open\n" }
    var table = Table([.text("tenant"), .text("period"), .text("result")])
    for result in results {
      table.add([result.tenant, period.text, Self.result(result, isDryRun: isDryRun)])
    }
    let done = results.count { $0.refusal == nil }
    let warnings = levels.map { Table.printable("warning: \($0)") + "\n" }
    return table.text + warnings.joined()
      + "\(NumberText.grouped(done)) \(isDryRun ? "would be " : "")finalized, "
      + "\(NumberText.grouped(results.count - done)) refused\n"
  }

  private static func result(_ result: FinalizeResult, isDryRun: Bool) -> String {
    if let refusal = result.refusal { return "refused: \(refusal)" }
    guard isDryRun else {
      return "finalized" + (result.acceptsGaps ? ", with gaps that are given up" : "")
    }
    return "would be finalized, from \(result.start ?? "?") to \(result.end ?? "?")"
      + (result.gaps.map { ", giving up \($0)" } ?? "")
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
    var acceptedGaps: AcceptedGaps?
    var negativeLevels: [Level]?

    init(_ row: PeriodRow, _ levels: [NegativeLevel]?) throws {
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
      acceptedGaps = try row.finalized?.acceptance.map(AcceptedGaps.init)
      negativeLevels = levels?.map(Level.init)
    }
  }

  /// Why gaps were given up, as `gap_acceptances` has it.
  private struct AcceptedGaps: Encodable {
    struct Gap: Codable {
      var source: String
      var epoch: UInt64
      var missing: [[UInt64]]
    }
    var at: String
    var by: String
    var reason: String
    var gaps: [Gap]

    init(_ row: AcceptanceRow) throws {
      (at, by, reason) = (row.time.text, row.operatorName, row.reason)
      gaps = try JSONDecoder().decode([Gap].self, from: Data(row.gaps.utf8))
    }
  }

  /// Hours with less than nothing stored.
  private struct Level: Encodable {
    struct Cause: Encodable {
      var originHour: String
      var operation: String
      var contextType: String
      var context: String
      var quantity: String
    }
    var tenant: String
    var since: String
    var until: String
    var lowest: String
    var causes: [Cause]

    init(_ level: NegativeLevel) {
      tenant = level.tenant
      (since, until) = (level.since.text, level.until.text)
      lowest = "\(level.lowest)"
      causes = level.causes.map {
        Cause(
          originHour: $0.originHour.text, operation: $0.operation,
          contextType: $0.contextType.name, context: $0.context, quantity: "\($0.quantity)")
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
      var wouldBeFinalized: Bool?
      var refusal: String?
      var reason: String?
      var start: String?
      var end: String?
      var acceptsGaps: Bool
      var gaps: String?

      init(_ result: FinalizeResult, isDryRun: Bool) {
        tenant = result.tenant
        isFinalized = result.isFinalized
        wouldBeFinalized = isDryRun ? result.refusal == nil : nil
        (refusal, reason) = (result.refusal, result.reason)
        (start, end) = (result.start, result.end)
        (acceptsGaps, gaps) = (result.acceptsGaps, result.gaps)
      }
    }
    var period: String
    var isDryRun: Bool
    var tenants: [Tenant]
    var negativeLevels: [Level]?
  }

  /// Periods as JSON.
  static func json(_ rows: [PeriodRow]) throws -> String {
    try JSONOutput.text(rows.map { try Row($0, nil) })
  }

  /// Periods with what warns of each, as JSON.
  static func json(_ rows: [PeriodRow], _ levels: [NegativeLevel]) throws -> String {
    try JSONOutput.text(rows.map { row in try Row(row, levels.of(row)) })
  }

  /// What became of each tenant as JSON; without levels if nobody could be asked for them.
  static func json(
    _ results: [FinalizeResult], _ levels: [NegativeLevel]?, period: BillingPeriod, isDryRun: Bool
  ) throws -> String {
    try JSONOutput.text(
      Finalized(
        period: period.text, isDryRun: isDryRun,
        tenants: results.map { .init($0, isDryRun: isDryRun) },
        negativeLevels: levels?.map(Level.init)))
  }
}
