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
  init(
    _ files: PartitionFiles, of installation: Installation, upTo checkpoint: Checkpoint
  ) throws {
    self.files = files
    self.installation = installation
    self.checkpoint = checkpoint
    fold = LogFold(secret: installation.secret, upTo: checkpoint)
    // The manifest last: a segment that is deleted meanwhile is in one or the other.
    segments = try files.mapSegments()
    manifest = Manifest(files).read()
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
