internal import Database
internal import Metering

/// A row of `billing_periods` with its figures by name, as ``PeriodFigures`` names them.
struct StoredPeriod: Sendable {
  let row: PeriodRow

  /// Reads rows, ascending by the bytes of (tenant, period).
  ///
  /// - Parameter tenant: only this tenant's, or nil for all.
  static func read(_ snapshot: RollupSnapshot, tenant: String? = nil) throws -> [StoredPeriod] {
    var periods: [StoredPeriod] = []
    try snapshot.periods(tenant: tenant) { periods.append(StoredPeriod(row: $0)) }
    return periods
  }

  /// The tenant and the period, as differences name them.
  var name: String { "billing_periods (\(row.tenant), \(row.period.text))" }

  /// What is fixed, every number as text; an empty object while the period is open.
  ///
  /// - Throws: ``CommandFailure`` if a column holds no JSON that can be read.
  var content: CanonicalJSON {
    get throws(CommandFailure) {
      guard let finalized = row.finalized else { return .object([]) }
      return .object([
        .init("records", .text("\(finalized.records)")),
        .init("digest", .text("\(finalized.digest)")),
        .init("adjustments_digest", .text("\(finalized.adjustmentsDigest)")),
        .init("opening_level", .text("\(row.openingLevel)")),
        .init("closing_level", .text("\(finalized.closingLevel)")),
        .init("totals", try CanonicalJSON(column: "totals", finalized.totals, of: name)),
        .init(
          FigureName.operationTotals,
          try CanonicalJSON(
            column: FigureName.operationTotals, finalized.operationTotals, of: name)),
      ])
    }
  }

  /// The figures by name; none while the period is open.
  ///
  /// - Throws: ``CommandFailure`` if a column holds no JSON that can be read.
  var figures: [FigureName: String] {
    get throws(CommandFailure) { FigureName.figures(in: try content) }
  }
}

extension CanonicalJSON {
  /// A column of JSON with every number as text.
  ///
  /// - Parameters:
  ///   - column: its name.
  ///   - text: what it holds.
  ///   - row: which row it is of.
  /// - Throws: ``CommandFailure`` if it cannot be read.
  init(column: String, _ text: String, of row: String) throws(CommandFailure) {
    do throws(JSONFault) {
      self = try JSONParser.parse(Array(text.utf8)).withNumbersAsText
    } catch {
      throw CommandFailure("\(row): column \(column) cannot be read \(error)")
    }
  }
}
