public import Database
public import Metering
internal import SegmentLog
internal import Wire

/// Recomputes the rollups from the segments and compares them with Postgres, beside a running
/// service.
public enum LogVerifier {
  /// How many differences are named.
  public static let differenceLimit = 10

  /// Compares the logs of one data directory's partitions with Postgres.
  ///
  /// Checkpoint, rows and periods are read in one snapshot, which is closed before the log is
  /// folded: a long fold keeps nothing in Postgres from being cleaned up. Memory grows with the
  /// number of rows, about 250 bytes for each, and of operations in finalized periods.
  ///
  /// - Parameters:
  ///   - layout: the data directory.
  ///   - database: Postgres.
  ///   - scope: compares only these rows, and the rows of `billing_periods` that are in it; nil for
  ///     all. What deleted segments held is then known only as far as these say it.
  ///   - progress: told the bytes of the log that are done, and all of them.
  /// - Throws: ``CommandFailure`` if the log is damaged or not the one that Postgres was flushed
  ///   from, or if neither has anything in the scope; with ``CommandExit/beyondRetention`` if
  ///   Postgres is older than what the log still has, or if what the log no longer has is not in
  ///   the manifest either.
  public static func verify(
    _ layout: DataDirectoryLayout, against database: RollupDatabase, scope: FoldScope? = nil,
    progress: (Int, Int) -> Void = { _, _ in }
  ) throws(CommandFailure) -> Verification {
    do {
      let installation = try layout.readInstallation()
      let tenants = TenantPartitions(
        Int(installation.partitionCount), secret: installation.secret)
      let stored = try database.snapshot { snapshot in
        try read(snapshot, tenants, try logs(layout, installation, snapshot, scope), scope)
      }
      // A tenant's usage is in the log of one partition.
      let needed =
        scope?.tenant.map { [stored.logs[tenants.partition(ofTenant: $0)]] } ?? stored.logs
      let total = needed.reduce(0) { $0 + $1.byteCount }
      var done = 0
      for log in needed {
        try log.add { bytes in
          done += bytes
          progress(done, total)
        }
      }
      progress(total, total)
      let result = try compare(stored, tenants, scope)
      if let scope { try requireSomething(stored, result, scope) }
      return result
    } catch {
      throw failure(error)
    }
  }

  /// What one snapshot of Postgres, and the logs at that time, hold besides rows.
  private struct Stored {
    /// The logs by partition, with the rows of their tenants.
    var logs: [PartitionLog]
    var periods: [StoredPeriod] = []
    /// Rows that no log can give.
    var usage = RollupComparison(limit: differenceLimit)
    var adjustments = RollupComparison(limit: differenceLimit)
  }

  private static func logs(
    _ layout: DataDirectoryLayout, _ installation: Installation, _ snapshot: RollupSnapshot,
    _ scope: FoldScope?
  ) throws -> [PartitionLog] {
    var checkpoints: [UInt16: Checkpoint] = [:]
    for stored in try snapshot.checkpoints() {
      guard stored.installation == installation.id else {
        throw DatabaseError.installationMismatch(
          expected: installation.id, found: stored.installation)
      }
      checkpoints[stored.partition] = stored.place
    }
    return try (0..<installation.partitionCount).map { number in
      try PartitionLog(
        PartitionFiles(layout.partition(number)), of: installation,
        upTo: checkpoints[number] ?? .beginning, scope: scope)
    }
  }

  private static func read(
    _ snapshot: RollupSnapshot, _ tenants: TenantPartitions, _ logs: [PartitionLog],
    _ scope: FoldScope?
  ) throws -> Stored {
    var stored = Stored(logs: logs)
    try snapshot.usage(scope?.usageFilter ?? UsageFilter()) { row in
      let tenant = row.subject.tenant
      guard scope?.contains(tenant, hour: row.hour, bookingStart: nil) != false else { return }
      let log = logs[tenants.partition(ofTenant: tenant)]
      guard
        !log.fold.takeStored(row.subject, hour: row.hour, bookingStart: nil, sums: row.sums)
      else { return }
      stored.usage.take(expected: nil, found: row.sums) {
        RollupRow(subject: row.subject, hour: row.hour, sums: row.sums)
      }
    }
    try snapshot.adjustments(scope?.adjustmentsFilter ?? UsageFilter()) { row in
      let (tenant, booking) = (row.subject.tenant, row.bookingStart)
      guard scope?.contains(tenant, hour: row.originHour, bookingStart: booking) != false else {
        return
      }
      let log = logs[tenants.partition(ofTenant: tenant)]
      guard
        !log.fold.takeStored(
          row.subject, hour: row.originHour, bookingStart: row.bookingStart, sums: row.sums)
      else { return }
      stored.adjustments.take(expected: nil, found: row.sums) {
        RollupRow(
          subject: row.subject, hour: row.originHour, bookingStart: row.bookingStart,
          sums: row.sums)
      }
    }
    stored.periods = try StoredPeriod.read(snapshot, tenant: scope?.tenant)
    return stored
  }

  /// Compares each log with the rows of its tenants.
  private static func compare(
    _ stored: Stored, _ tenants: TenantPartitions, _ scope: FoldScope?
  ) throws -> Verification {
    var result = Verification(
      checkpoints: stored.logs.map(\.checkpoint), segments: 0, deletedSegments: 0, records: 0,
      usage: stored.usage, adjustments: stored.adjustments,
      deletedHours: HourComparison(.none, limit: differenceLimit),
      periods: PeriodComparison(limit: differenceLimit))
    for (number, log) in stored.logs.enumerated() {
      let periods = stored.periods.filter { tenants.partition(ofTenant: $0.row.tenant) == number }
      try compare(log, periods, scope, in: &result)
    }
    return result
  }

  private static func compare(
    _ log: PartitionLog, _ storedPeriods: [StoredPeriod], _ scope: FoldScope?,
    in result: inout Verification
  ) throws {
    let deleted = try log.deleted()
    var hours = HourComparison(deleted, limit: differenceLimit)
    var periods = PeriodComparison(storedPeriods, log.fold, limit: differenceLimit)
    var tenants: Set<UInt32> = []
    log.fold.forEachRow { key, expected, found in
      tenants.insert(key.tenant)
      guard let kind = UsageKind(rawValue: key.kind) else { return }
      let place = SegmentSummary.HourKind(hour: Hour(index: key.hour), kind: kind)
      let booking = key.booking == RollupKey.notLate ? nil : Hour(index: key.booking)
      let isGone = deleted.mayHold(place, bookingStart: booking)
      func row() -> RollupRow {
        RollupRow(
          subject: log.fold.subject(of: key), hour: place.hour, bookingStart: booking,
          sums: expected ?? found ?? UsageSums())
      }
      if booking != nil {
        result.adjustments.take(expected: expected, found: found, isGone: isGone, row: row)
      } else {
        result.usage.take(expected: expected, found: found, isGone: isGone, row: row)
      }
      hours.take(place, kept: expected, stored: found)
      periods.take(key, kept: expected, stored: found)
    }
    // The manifest knows neither tenants nor bookings: only all rows together can equal it.
    if scope == nil { hours.finish() }
    try periods.finish(log.fold, deleted, scope)
    result.segments += log.folded
    result.deletedSegments += deleted.segments.count
    result.records += log.fold.records
    result.tenants += tenants.count
    result.deletedHours.add(hours)
    result.periods.add(periods)
  }

  private static func requireSomething(
    _ stored: Stored, _ result: Verification, _ scope: FoldScope
  ) throws(CommandFailure) {
    let rows = [result.usage, result.adjustments].reduce(0) {
      $0 + $1.equal + $1.differing + $1.incomparable
    }
    guard rows == 0, result.periods.differing == 0,
      !stored.periods.contains(where: { scope.period == nil || $0.row.period == scope.period })
    else { return }
    throw CommandFailure("there is no \(scope.name), neither in Postgres nor in the log")
  }

  static func failure(_ error: any Error) -> CommandFailure {
    if let failure = error as? CommandFailure { return failure }
    if let error = error as? RecoveryError, case .checkpointBelowLog = error {
      return CommandFailure("\(error)", exit: .beyondRetention)
    }
    return CommandFailure("\(error)")
  }
}

extension FoldScope {
  /// What it is, for sentences.
  var name: String {
    (period.map { "period \($0.text)" } ?? "usage") + (tenant.map { " of tenant \($0)" } ?? "")
  }

  /// The rows of `usage_hourly` that belong to it.
  var usageFilter: UsageFilter {
    guard period != nil else { return UsageFilter(tenant: tenant) }
    return UsageFilter(tenant: tenant, from: hull.start, to: hull.end)
  }

  /// The rows of `usage_adjustments` that belong to it.
  var adjustmentsFilter: UsageFilter {
    guard period != nil else { return UsageFilter(tenant: tenant) }
    return UsageFilter(tenant: tenant, booked: hull.start..<hull.end)
  }
}
