internal import Database
internal import Metering
internal import SegmentLog
internal import Wire

/// Reads the records of one tenant and period from the log, up to the checkpoint in Postgres.
struct RecordExport {
  /// The partition whose log holds the tenant's usage.
  let partition: UInt16
  private let scope: FoldScope
  private let checkpoint: Checkpoint
  private let segments: [(number: UInt64, file: MappedFile)]
  private let files: PartitionFiles
  private let installation: Installation

  /// - Parameters:
  ///   - scope: a period of one tenant.
  ///   - isFinal: whether it must be finalized.
  /// - Throws: ``CommandFailure`` if there is no such period; with
  ///   ``CommandExit/beyondRetention`` if deleted segments had usage of it.
  init(
    _ layout: DataDirectoryLayout, _ database: RollupDatabase, _ scope: FoldScope, isFinal: Bool
  ) throws {
    guard let tenant = scope.tenant else {
      preconditionFailure("BUG: records are exported for one tenant")
    }
    installation = try layout.readInstallation()
    let number = TenantPartitions(
      Int(installation.partitionCount), secret: installation.secret
    ).partition(ofTenant: tenant)
    partition = UInt16(number)
    self.scope = scope
    let known = try database.snapshot { [installation] snapshot in
      try scope.requireKnown(snapshot, isFinal: isFinal)
      let stored = try snapshot.checkpoints().first { $0.partition == UInt16(number) }
      if let stored, stored.installation != installation.id {
        throw DatabaseError.installationMismatch(
          expected: installation.id, found: stored.installation)
      }
      return stored?.place
    }
    checkpoint = known ?? .beginning
    files = PartitionFiles(layout.partition(partition))
    // The manifest last: a segment that is deleted meanwhile is in one or the other.
    segments = try files.mapSegments()
    try requireAll()
  }

  /// Makes sure that no deleted segment had usage of the period.
  private func requireAll() throws {
    guard let (number, file) = segments.first else { return }
    let start = try SegmentHeader(parsing: file.bytes, segment: number).start.position
    let deleted = try DeletedUsage(Manifest(files).read(), before: number, at: start.rawValue)
    guard deleted.spares(scope.hull) else {
      throw CommandFailure(
        "records of \(scope.name) were in segments that retention has deleted; the log begins at "
          + "position \(start.rawValue)", exit: .beyondRetention)
    }
  }

  /// Hands over the records, ascending by position.
  ///
  /// - Parameter body: called with each record and the part of the log that is done.
  func read(_ body: (LoggedRecord, Double) throws -> Void) throws {
    let total = segments.reduce(0) { $0 + $1.file.count }
    var done = 0
    var decoder = LogDecoder()
    let block = LoggedBlock()
    let reader = RecordReader(tenant: scope.tenant)
    var end = segments.isEmpty ? Checkpoint.beginning : nil
    for (number, file) in segments where end != checkpoint {
      var segment = try decoder.begin(file.bytes, number: number)
      try installation.check(segment.header, path: files.segment(number))
      end = segment.end
      while end != checkpoint, let next = try segment.next() {
        try decoder.decode(next, into: block)
        let part = Double(done + next.offset) / Double(max(total, 1))
        try reader.read(
          block, where: { hour, booking in scope.hull.contains(booking ?? hour) }
        ) { (record) throws(any Error) in try body(record, part) }
        end = block.end
      }
      done += file.count
    }
    guard end == checkpoint else {
      throw RecoveryError.checkpointBeyondLog(
        checkpoint, end: end?.position ?? Checkpoint.beginning.position)
    }
  }
}
