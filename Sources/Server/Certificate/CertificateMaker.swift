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
      let stored = try database.snapshot { snapshot in
        try storedPeriod(snapshot, tenant: tenant, period: period)
      }
      let row = stored.row
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
        figures: try stored.content,
        acceptedGaps: try acceptedGaps(of: finalized))
    } catch {
      throw LogVerifier.failure(error)
    }
  }

  private static func storedPeriod(
    _ snapshot: RollupSnapshot, tenant: String, period: BillingPeriod
  ) throws -> StoredPeriod {
    let periods = try StoredPeriod.read(snapshot, tenant: tenant)
    guard let first = periods.first?.row, let last = periods.last?.row else {
      throw CommandFailure("there is no tenant \(tenant)")
    }
    guard let stored = periods.first(where: { $0.row.period == period }) else {
      throw CommandFailure(
        "there is no period \(period.text) of tenant \(tenant); it has "
          + (first.period == last.period
            ? first.period.text : "\(first.period.text) to \(last.period.text)"))
    }
    return stored
  }

  /// The gaps that a period was finalized in spite of, as a certificate has them; null if there
  /// were none.
  static func acceptedGaps(
    of finalized: FinalizedPeriod
  ) throws(CommandFailure) -> CanonicalJSON {
    guard let acceptance = finalized.acceptance else { return .null }
    return .object([
      .init("position", .text("\(acceptance.position.rawValue)")),
      .init("at", .text(acceptance.time.text)), .init("by", .text(acceptance.operatorName)),
      .init("reason", .text(acceptance.reason)),
      .init(
        "gaps",
        try CanonicalJSON(
          column: "gaps", acceptance.gaps,
          of: "gap_acceptances (\(acceptance.partition), \(acceptance.position.rawValue))")),
    ])
  }
}
