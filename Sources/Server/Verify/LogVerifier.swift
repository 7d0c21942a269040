public import Database
internal import Metering
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
  /// number of rows, about 250 bytes for each.
  ///
  /// - Parameters:
  ///   - layout: the data directory.
  ///   - database: Postgres.
  ///   - progress: told the bytes of the log that are done, and all of them.
  /// - Throws: ``CommandFailure`` if the log is damaged or not the one that Postgres was flushed
  ///   from; with ``CommandExit/beyondRetention`` if Postgres is older than what the log still has,
  ///   or if what the log no longer has is not in the manifest either.
  public static func verify(
    _ layout: DataDirectoryLayout, against database: RollupDatabase,
    progress: (Int, Int) -> Void = { _, _ in }
  ) throws(CommandFailure) -> Verification {
    do {
      let installation = try layout.readInstallation()
      let tenants = TenantPartitions(
        Int(installation.partitionCount), secret: installation.secret)
      let stored = try database.snapshot { snapshot in
        try read(snapshot, tenants, try logs(layout, installation, snapshot))
      }
      let total = stored.logs.reduce(0) { $0 + $1.byteCount }
      var done = 0
      for log in stored.logs {
        try log.add { bytes in
          done += bytes
          progress(done, total)
        }
      }
      progress(total, total)
      return try compare(stored, tenants)
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
    _ layout: DataDirectoryLayout, _ installation: Installation, _ snapshot: RollupSnapshot
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
        upTo: checkpoints[number] ?? .beginning)
    }
  }

  private static func read(
    _ snapshot: RollupSnapshot, _ tenants: TenantPartitions, _ logs: [PartitionLog]
  ) throws -> Stored {
    var stored = Stored(logs: logs)
    try snapshot.usage { row in
      let log = logs[tenants.partition(ofTenant: row.subject.tenant)]
      guard
        !log.fold.takeStored(row.subject, hour: row.hour, bookingPeriod: nil, sums: row.sums)
      else { return }
      stored.usage.take(expected: nil, found: row.sums) {
        RollupRow(subject: row.subject, hour: row.hour, sums: row.sums)
      }
    }
    try snapshot.adjustments { row in
      let log = logs[tenants.partition(ofTenant: row.subject.tenant)]
      guard
        !log.fold.takeStored(
          row.subject, hour: row.originHour, bookingPeriod: row.bookingPeriod, sums: row.sums)
      else { return }
      stored.adjustments.take(expected: nil, found: row.sums) {
        RollupRow(
          subject: row.subject, hour: row.originHour, bookingPeriod: row.bookingPeriod,
          sums: row.sums)
      }
    }
    try snapshot.periods { stored.periods.append(StoredPeriod($0)) }
    var place = 0
    try snapshot.totals { tenant, period, path, value in
      while stored.periods[place].row.period != period
        || !stored.periods[place].row.tenant.utf8.elementsEqual(tenant.utf8)
      { place += 1 }
      stored.periods[place].figures["totals.\(path)"] = value
    }
    return stored
  }

  /// Compares each log with the rows of its tenants.
  private static func compare(_ stored: Stored, _ tenants: TenantPartitions) throws -> Verification
  {
    var result = Verification(
      checkpoints: stored.logs.map(\.checkpoint), segments: 0, deletedSegments: 0, records: 0,
      usage: stored.usage, adjustments: stored.adjustments,
      deletedHours: HourComparison(.none, limit: differenceLimit),
      periods: PeriodComparison(limit: differenceLimit))
    for (number, log) in stored.logs.enumerated() {
      let periods = stored.periods.filter { tenants.partition(ofTenant: $0.row.tenant) == number }
      try compare(log, periods, in: &result)
    }
    return result
  }

  private static func compare(
    _ log: PartitionLog, _ storedPeriods: [StoredPeriod], in result: inout Verification
  ) throws {
    let deleted = try log.deleted()
    var hours = HourComparison(deleted, limit: differenceLimit)
    var periods = PeriodComparison(limit: differenceLimit)
    log.fold.forEachRow { key, expected, found in
      guard let kind = UsageKind(rawValue: key.kind) else { return }
      let place = SegmentSummary.HourKind(hour: Hour(index: key.hour), kind: kind)
      let isLate = key.booking != RollupKey.notLate
      func row() -> RollupRow {
        RollupRow(
          subject: log.fold.subject(of: key), hour: place.hour,
          bookingPeriod: isLate ? BillingPeriod(month: key.booking) : nil,
          sums: expected ?? found ?? UsageSums())
      }
      if isLate {
        result.adjustments.take(
          expected: expected, found: found, isGone: hours.isGone(place), row: row)
      } else {
        result.usage.take(expected: expected, found: found, isGone: hours.isGone(place), row: row)
      }
      hours.take(place, kept: expected, stored: found)
      periods.take(key, kept: expected, stored: found)
    }
    hours.finish()
    periods.finish(storedPeriods, log.fold, deleted)
    result.segments += log.folded
    result.deletedSegments += deleted.segments
    result.records += log.fold.records
    result.deletedHours.add(hours)
    result.periods.add(periods)
  }

  private static func failure(_ error: any Error) -> CommandFailure {
    if let failure = error as? CommandFailure { return failure }
    if let error = error as? RecoveryError, case .checkpointBelowLog = error {
      return CommandFailure("\(error)", exit: .beyondRetention)
    }
    return CommandFailure("\(error)")
  }
}
