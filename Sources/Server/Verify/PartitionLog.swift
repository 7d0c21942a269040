internal import Metering
internal import SegmentLog

/// The log of one partition, as a verification reads it.
final class PartitionLog {
  let checkpoint: Checkpoint
  /// What the log gives up to the checkpoint, beside what Postgres holds.
  var fold: LogFold
  /// Segments that were folded.
  private(set) var folded = 0

  private let files: PartitionFiles
  private let installation: Installation
  private let segments: [(number: UInt64, file: MappedFile)]
  private let manifest: [ManifestEntry]

  /// The log at this moment. The checkpoint was read before, so that what it covers is in the
  /// segments.
  convenience init(
    _ files: PartitionFiles, of installation: Installation, upTo checkpoint: Checkpoint,
    scope: FoldScope? = nil
  ) throws {
    try self.init(files, of: installation, scope: scope) { _ in checkpoint }
  }

  /// The log up to a position where a block ends.
  ///
  /// - Throws: `RecoveryError` or ``CommandFailure`` if no block ends there.
  convenience init(
    _ files: PartitionFiles, of installation: Installation, upTo position: LogPosition,
    scope: FoldScope
  ) throws {
    try self.init(files, of: installation, scope: scope) { segments in
      try Self.place(at: position, in: segments)
    }
  }

  private init(
    _ files: PartitionFiles, of installation: Installation, scope: FoldScope?,
    upTo end: ([(number: UInt64, file: MappedFile)]) throws -> Checkpoint
  ) throws {
    self.files = files
    self.installation = installation
    // The manifest last: a segment that is deleted meanwhile is in one or the other.
    segments = try files.mapSegments()
    manifest = Manifest(files).read()
    checkpoint = try end(segments)
    fold = LogFold(secret: installation.secret, upTo: checkpoint, scope: scope)
  }

  /// The end of the block that ends at a position.
  private static func place(
    at position: LogPosition, in segments: [(number: UInt64, file: MappedFile)]
  ) throws -> Checkpoint {
    if position == Checkpoint.beginning.position { return .beginning }
    guard let (first, file) = segments.first else {
      throw CommandFailure("the log has no segment, and so no position \(position.rawValue)")
    }
    let start = try SegmentHeader(parsing: file.bytes, segment: first).start.position
    guard start <= position else {
      throw CommandFailure(
        "the log begins at position \(start.rawValue), so that the figures at position "
          + "\(position.rawValue) can no longer be recomputed", exit: .beyondRetention)
    }
    for (number, file) in segments.reversed() {
      var reader = try SegmentReader(file.bytes, segment: number)
      guard reader.header.start.position <= position else { continue }
      while reader.end.position < position, try reader.next() != nil {}
      if reader.end.position == position { return reader.end }
      throw CommandFailure(
        "no block of the log ends at position \(position.rawValue): it is not the log that "
          + "Postgres was flushed from")
    }
    preconditionFailure("BUG: position \(position) lies before every segment")
  }

  /// Bytes of all segments.
  var byteCount: Int { segments.reduce(0) { $0 + $1.file.count } }

  /// Folds segments up to the checkpoint.
  ///
  /// - Parameter progress: told the bytes of each segment that is folded.
  func add(progress: (Int) -> Void) throws {
    var last = LogPosition(0)
    for (number, file) in segments {
      if fold.isComplete { break }
      let header = try SegmentHeader(parsing: file.bytes, segment: number)
      try installation.check(header, path: files.segment(number))
      last = header.start.position
      try fold.add(file.bytes, number: number)
      folded += 1
      progress(file.count)
    }
    guard fold.isComplete else {
      throw RecoveryError.checkpointBeyondLog(checkpoint, end: last)
    }
  }

  /// What the segments before the first one held.
  func deleted() throws -> DeletedUsage {
    guard let (number, file) = segments.first else { return .none }
    let start = try SegmentHeader(parsing: file.bytes, segment: number).start.position
    guard checkpoint.position >= start else {
      throw RecoveryError.checkpointBelowLog(checkpoint, start: start)
    }
    return try DeletedUsage(manifest, before: number, at: start.rawValue)
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
