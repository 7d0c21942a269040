public import Database
public import Metering
internal import SegmentLog
internal import Wire

/// Makes the certificate of a finalized period.
public enum CertificateMaker {
  /// Looks up what Postgres holds of a period, verifies it against the log, and names the segments
  /// that it comes from. The service may run meanwhile.
  ///
  /// - Parameters:
  ///   - layout: the data directory.
  ///   - database: Postgres.
  ///   - tenant: the tenant's name.
  ///   - period: the period.
  ///   - progress: told the bytes of the log that are done, and all of them.
  /// - Throws: ``CommandFailure`` if there is no such period, if it is open, or if Postgres and the
  ///   log differ in it: what is certified is what the log gives.
  public static func make(
    _ layout: DataDirectoryLayout, from database: RollupDatabase, tenant: String,
    period: BillingPeriod, progress: (Int, Int) -> Void = { _, _ in }
  ) throws(CommandFailure) -> Certificate {
    do {
      let installation = try layout.readInstallation()
      let (row, acceptance) = try database.snapshot { snapshot in
        let row = try periodRow(snapshot, tenant: tenant, period: period)
        var acceptance: AcceptanceRow?
        if let finalized = row.finalized, let position = finalized.acceptance {
          try snapshot.acceptances {
            if $0.partition == finalized.partition, $0.position == position { acceptance = $0 }
          }
        }
        return (row, acceptance)
      }
      guard let finalized = row.finalized else {
        throw CommandFailure(
          "period \(period.text) of tenant \(tenant) is open; it can be certified once it is "
            + "finalized (weighbridge period finalize --period \(period.text))")
      }
      let scope = FoldScope(tenant: tenant, bounds: row.bounds)
      let found = try LogVerifier.verify(
        layout, against: database, scope: scope, progress: progress)
      if let difference = found.differences.first {
        throw CommandFailure(
          "period \(period.text) of tenant \(tenant) is not certified, because Postgres and the "
            + "log differ in it: \(difference)")
      }
      let files = PartitionFiles(layout.partition(finalized.partition))
      return Certificate(
        installation: installation.id, tenant: tenant, period: period, start: row.bounds.start,
        end: row.bounds.end, partition: finalized.partition, position: finalized.position,
        time: finalized.time, operatorName: finalized.operatorName, run: finalized.run,
        segments: try SegmentSpan(files, installation, scope).segments(upTo: finalized.position),
        figures: try figures(row, finalized),
        acceptedGaps: try acceptance.map(gaps) ?? .null)
    } catch {
      throw LogVerifier.failure(error)
    }
  }

  private static func periodRow(
    _ snapshot: RollupSnapshot, tenant: String, period: BillingPeriod
  ) throws -> PeriodRow {
    var rows: [PeriodRow] = []
    try snapshot.periods(tenant: tenant) { rows.append($0) }
    guard let first = rows.first, let last = rows.last else {
      throw CommandFailure("there is no tenant \(tenant)")
    }
    guard let row = rows.first(where: { $0.period == period }) else {
      throw CommandFailure(
        "there is no period \(period.text) of tenant \(tenant); it has "
          + (first.period == last.period
            ? first.period.text : "\(first.period.text) to \(last.period.text)"))
    }
    return row
  }

  /// The figures of a row as a certificate has them: all of them text.
  static func figures(
    _ row: PeriodRow, _ finalized: FinalizedPeriod
  ) throws(CommandFailure) -> CanonicalJSON {
    .object([
      .init("records", .text("\(finalized.records)")),
      .init("digest", .text("\(finalized.digest)")),
      .init("adjustments_digest", .text("\(finalized.adjustmentsDigest)")),
      .init("opening_level", .text("\(row.openingLevel)")),
      .init("closing_level", .text("\(finalized.closingLevel)")),
      .init("totals", try json(finalized.totals, column: "totals")),
      .init(
        "operation_totals", try json(finalized.operationTotals, column: "operation_totals")),
    ])
  }

  private static func gaps(_ acceptance: AcceptanceRow) throws(CommandFailure) -> CanonicalJSON {
    .object([
      .init("position", .text("\(acceptance.position.rawValue)")),
      .init("at", .text(acceptance.time.text)), .init("by", .text(acceptance.operatorName)),
      .init("reason", .text(acceptance.reason)),
      .init("gaps", try json(acceptance.gaps, column: "gaps")),
    ])
  }

  /// A column of JSON with every number as text.
  private static func json(
    _ text: String, column: String
  ) throws(CommandFailure) -> CanonicalJSON {
    do throws(JSONFault) {
      return try JSONParser.parse(Array(text.utf8)).withNumbersAsText
    } catch {
      throw CommandFailure("column \(column) cannot be read \(error)")
    }
  }
}
