public import Database
internal import Metering
internal import SegmentLog
internal import Wire

/// Recomputes the rollups from the segments and compares them with Postgres, beside a running
/// service.
public enum LogVerifier {
  /// How many differences are named.
  public static let differenceLimit = 10

  /// Compares one data directory's log with Postgres.
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
      let files = PartitionFiles(layout.partition(0))
      var fold = LogFold(secret: installation.secret, upTo: .beginning)
      let stored = try database.snapshot { snapshot in
        let checkpoint = try checkpoint(snapshot, installation)
        fold = LogFold(secret: installation.secret, upTo: checkpoint)
        return try read(snapshot, files, into: &fold)
      }
      let segments = try add(stored.segments, to: &fold, files, installation, progress: progress)
      return compare(fold, stored, try deleted(stored, fold.checkpoint), segments: segments)
    } catch {
      throw failure(error)
    }
  }

  /// What one snapshot of Postgres, and the log at that time, hold besides rows.
  private struct Stored {
    var segments: [(number: UInt64, file: MappedFile)] = []
    var manifest: [ManifestEntry] = []
    var periods: [StoredPeriod] = []
    /// Rows that no log can give.
    var usage = RollupComparison(limit: differenceLimit)
    var adjustments = RollupComparison(limit: differenceLimit)
  }

  private static func checkpoint(
    _ snapshot: RollupSnapshot, _ installation: Installation
  ) throws(DatabaseError) -> Checkpoint {
    guard let stored = try snapshot.checkpoints().first(where: { $0.partition == 0 }) else {
      return .beginning
    }
    guard stored.installation == installation.id else {
      throw DatabaseError.installationMismatch(
        expected: installation.id, found: stored.installation)
    }
    return stored.place
  }

  private static func read(
    _ snapshot: RollupSnapshot, _ files: PartitionFiles, into fold: inout LogFold
  ) throws -> Stored {
    var stored = Stored()
    // The checkpoint first, the segments then: what it covers is in them. The manifest last:
    // a segment that is deleted meanwhile is in one or the other.
    stored.segments = try files.mapSegments()
    stored.manifest = Manifest(files).read()
    try snapshot.usage { row in
      guard
        !fold.takeStored(row.subject, hour: row.hour, bookingPeriod: nil, sums: row.sums)
      else { return }
      stored.usage.take(expected: nil, found: row.sums) {
        RollupRow(subject: row.subject, hour: row.hour, sums: row.sums)
      }
    }
    try snapshot.adjustments { row in
      guard
        !fold.takeStored(
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

  /// Folds segments up to the checkpoint.
  ///
  /// - Returns: how many were folded.
  private static func add(
    _ segments: [(number: UInt64, file: MappedFile)], to fold: inout LogFold,
    _ files: PartitionFiles, _ installation: Installation, progress: (Int, Int) -> Void
  ) throws -> Int {
    let total = segments.reduce(0) { $0 + $1.file.count }
    var done = 0
    var count = 0
    var last = LogPosition(0)
    for (number, file) in segments {
      if fold.isComplete { break }
      let header = try SegmentHeader(parsing: file.bytes, segment: number)
      try installation.check(header, path: files.segment(number))
      last = header.start.position
      try fold.add(file.bytes, number: number)
      done += file.count
      count += 1
      progress(done, total)
    }
    progress(total, total)
    guard fold.isComplete else {
      throw RecoveryError.checkpointBeyondLog(fold.checkpoint, end: last)
    }
    return count
  }

  private static func deleted(_ stored: Stored, _ checkpoint: Checkpoint) throws -> DeletedUsage {
    guard let (number, file) = stored.segments.first else { return .none }
    let start = try SegmentHeader(parsing: file.bytes, segment: number).start.position
    guard checkpoint.position >= start else {
      throw RecoveryError.checkpointBelowLog(checkpoint, start: start)
    }
    return try DeletedUsage(stored.manifest, before: number, at: start.rawValue)
  }

  private static func compare(
    _ fold: borrowing LogFold, _ stored: Stored, _ deleted: DeletedUsage, segments: Int
  ) -> Verification {
    var (usage, adjustments) = (stored.usage, stored.adjustments)
    var hours = HourComparison(deleted, limit: differenceLimit)
    var periods = PeriodComparison(limit: differenceLimit)
    fold.forEachRow { key, expected, found in
      guard let kind = UsageKind(rawValue: key.kind) else { return }
      let place = SegmentSummary.HourKind(hour: Hour(index: key.hour), kind: kind)
      let isLate = key.booking != RollupKey.notLate
      func row() -> RollupRow {
        RollupRow(
          subject: fold.subject(of: key), hour: place.hour,
          bookingPeriod: isLate ? BillingPeriod(month: key.booking) : nil,
          sums: expected ?? found ?? UsageSums())
      }
      if isLate {
        adjustments.take(expected: expected, found: found, isGone: hours.isGone(place), row: row)
      } else {
        usage.take(expected: expected, found: found, isGone: hours.isGone(place), row: row)
      }
      hours.take(place, kept: expected, stored: found)
      periods.take(key, kept: expected, stored: found)
    }
    hours.finish()
    periods.finish(stored.periods, fold, deleted)
    return Verification(
      checkpoint: fold.checkpoint, segments: segments, deletedSegments: deleted.segments,
      records: fold.records, usage: usage, adjustments: adjustments, deletedHours: hours,
      periods: periods)
  }

  private static func failure(_ error: any Error) -> CommandFailure {
    if let failure = error as? CommandFailure { return failure }
    if let error = error as? RecoveryError, case .checkpointBelowLog = error {
      return CommandFailure("\(error)", exit: .beyondRetention)
    }
    return CommandFailure("\(error)")
  }
}

extension PartitionFiles {
  /// Maps every segment; a mapping outlives the deletion of its file.
  func mapSegments() throws(SystemCallError) -> [(number: UInt64, file: MappedFile)] {
    var attempts = 10
    while true {
      var mapped: [(number: UInt64, file: MappedFile)] = []
      do throws(SystemCallError) {
        for number in try segmentNumbers() {
          mapped.append((number, try MappedFile(segment(number))))
        }
        return mapped
      } catch {
        // Retention deleted one since the directory was read.
        attempts -= 1
        guard error.kind == .missing, attempts > 0 else { throw error }
      }
    }
  }
}
