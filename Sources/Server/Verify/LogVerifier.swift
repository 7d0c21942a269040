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
  /// Checkpoint and rows are read in one snapshot. Memory grows with the number of rows.
  ///
  /// - Parameters:
  ///   - layout: the data directory.
  ///   - database: Postgres.
  ///   - progress: told the bytes of the log that are done, and all of them.
  /// - Throws: ``CommandFailure`` if the log is damaged or not the one that Postgres was flushed
  ///   from; with ``CommandExit/beyondRetention`` if Postgres is older than what the log still has.
  public static func verify(
    _ layout: DataDirectoryLayout, against database: RollupDatabase,
    progress: (Int, Int) -> Void = { _, _ in }
  ) throws(CommandFailure) -> Verification {
    do {
      let installation = try layout.readInstallation()
      return try database.snapshot { snapshot in
        let stored = try snapshot.checkpoints().first { $0.partition == 0 }
        if let stored, stored.installation != installation.id {
          throw DatabaseError.installationMismatch(
            expected: installation.id, found: stored.installation)
        }
        let files = PartitionFiles(layout.partition(0))
        // The checkpoint first, the segments then: what it covers is in them. The manifest last:
        // a segment that is deleted meanwhile is in one or the other.
        let segments = try files.mapSegments()
        let manifest = Manifest(files).read()
        var fold = LogFold(secret: installation.secret, upTo: stored?.place ?? .beginning)
        let read = try Self.fold(
          segments, into: &fold, files, installation, progress: progress)
        guard fold.isComplete else {
          throw RecoveryError.checkpointBeyondLog(
            fold.checkpoint, end: read.end ?? .init(0))
        }
        return try compare(
          fold, snapshot, manifest: manifest, segments: read.count)
      }
    } catch {
      throw failure(error)
    }
  }

  private static func fold(
    _ segments: [(number: UInt64, file: MappedFile)], into fold: inout LogFold,
    _ files: PartitionFiles, _ installation: Installation, progress: (Int, Int) -> Void
  ) throws -> (count: Int, end: LogPosition?) {
    let total = segments.reduce(0) { $0 + $1.file.count }
    var done = 0
    var count = 0
    var start: LogPosition?
    for (number, file) in segments {
      if fold.isComplete { break }
      let header = try SegmentHeader(parsing: file.bytes, segment: number)
      try installation.check(header, path: files.segment(number))
      start = header.start.position
      try fold.add(file.bytes, number: number)
      done += file.count
      count += 1
      progress(done, total)
    }
    progress(total, total)
    return (count, start)
  }

  private static func compare(
    _ fold: borrowing LogFold, _ snapshot: RollupSnapshot, manifest: [ManifestEntry],
    segments: Int
  ) throws -> Verification {
    let gone = Set(
      manifest.flatMap(\.hours).compactMap { entry -> SegmentSummary.HourKind? in
        guard let hour = try? Hour(parsing: entry.hour), let kind = UsageKind(name: entry.kind)
        else { return nil }
        return SegmentSummary.HourKind(hour: hour, kind: kind)
      })
    let rows = fold.rows()
    var usage = RollupComparison(
      expected: rows.rollups.map {
        RollupRow(subject: $0.subject, hour: $0.hour, sums: $0.sums)
      }, gone: gone, limit: differenceLimit)
    try snapshot.usage { row in
      usage.take(RollupRow(subject: row.subject, hour: row.hour, sums: row.sums))
    }
    usage.finish()
    var adjustments = RollupComparison(
      expected: rows.adjustments.map {
        RollupRow(
          subject: $0.subject, hour: $0.originHour, bookingPeriod: $0.bookingPeriod, sums: $0.sums)
      }, gone: gone, limit: differenceLimit)
    try snapshot.adjustments { row in
      adjustments.take(
        RollupRow(
          subject: row.subject, hour: row.originHour, bookingPeriod: row.bookingPeriod,
          sums: row.sums))
    }
    adjustments.finish()
    return Verification(
      checkpoint: fold.checkpoint, segments: segments, deletedSegments: manifest.count,
      records: fold.records, usage: usage, adjustments: adjustments)
  }

  private static func failure(_ error: any Error) -> CommandFailure {
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
