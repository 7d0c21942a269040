public import Dedup
public import SegmentLog

/// Why a log cannot be continued. Nothing was changed.
public enum RecoveryError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The segment belongs to another installation.
  case otherInstallation(segment: UInt64)
  /// The segment was written with another secret.
  case otherSecret(segment: UInt64, expected: UInt64, found: UInt64)
  /// The segment was written with another number of partitions, or by another partition.
  case otherPartition(segment: UInt64, expected: String, found: String)
  /// A segment is missing between two others.
  case segmentMissing(expected: UInt64, found: UInt64)
  /// The segment was left out, and the next one does not say what it holds.
  case summaryMissing(segment: UInt64)
  /// The segment is not the one that the next one follows.
  case segmentExchanged(segment: UInt64, expected: Checkpoint, found: Checkpoint)
  /// The first retained segment does not begin with a snapshot.
  case snapshotMissing(segment: UInt64)
  /// A limit of the configuration is below what the log holds.
  case limitBelowLog(setting: String, limit: Int)
  /// The checkpoint in Postgres is not on the chain of the log.
  case checkpointNotOnChain(Checkpoint, found: UInt64?)
  /// The checkpoint in Postgres is behind the end of the log.
  case checkpointBeyondLog(Checkpoint, end: LogPosition)
  /// The checkpoint in Postgres is older than the first block that is still there.
  case checkpointBelowLog(Checkpoint, start: LogPosition)
  /// The end of the key index's runs is not on the chain of the log.
  case runsNotOnChain(LogPlace, found: UInt64?)
  /// Postgres could not be asked, and the log alone cannot tell what a flush under way holds.
  case attemptUnknown(FlushAttempt)

  /// Both facts, and what may have happened.
  public var description: String {
    switch self {
    case .otherInstallation(let segment):
      "segment \(segment) belongs to another installation"
    case .otherSecret(let segment, let expected, let found):
      "segment \(segment) was written with the secret of fingerprint "
        + "\(HashSecret.text(ofFingerprint: found)), this installation's has "
        + "\(HashSecret.text(ofFingerprint: expected)): the secret was changed"
    case .otherPartition(let segment, let expected, let found):
      "segment \(segment) is of partition \(found), expected \(expected): the number of partitions "
        + "cannot be changed"
    case .segmentMissing(let expected, let found):
      "segment \(expected) is missing: segment \(found) follows"
    case .summaryMissing(let segment):
      "segment \(segment) was not read, and the next one does not say what it holds"
    case .segmentExchanged(let segment, let expected, let found):
      "segment \(segment) is not the one that the next one follows: that began at position "
        + "\(expected.position.rawValue), chain \(String(expected.chain, radix: 16)), this one at "
        + "\(found.position.rawValue), chain \(String(found.chain, radix: 16)), or at another time"
    case .snapshotMissing(let segment):
      "segment \(segment) does not begin with a snapshot"
    case .limitBelowLog(let setting, let limit):
      "\(setting) is \(limit), which is less than the log holds"
    case .checkpointNotOnChain(let checkpoint, let found):
      "the checkpoint in Postgres (position \(checkpoint.position.rawValue), chain "
        + "\(String(checkpoint.chain, radix: 16))) is not on this log, which has "
        + (found.map { "chain \(String($0, radix: 16))" } ?? "no block boundary")
        + " there: one of them was restored from another time or place"
    case .checkpointBeyondLog(let checkpoint, let end):
      "the checkpoint in Postgres is at position \(checkpoint.position.rawValue), the log ends at "
        + "\(end.rawValue): the data directory was restored to an earlier time"
    case .checkpointBelowLog(let checkpoint, let start):
      "the checkpoint in Postgres is at position \(checkpoint.position.rawValue), the first "
        + "retained block at \(start.rawValue): Postgres was restored to a time that the log no "
        + "longer reaches"
    case .runsNotOnChain(let place, let found):
      "the runs of the key index end at position \(place.position), chain "
        + "\(String(place.chain, radix: 16)), which is not on this log: it has "
        + (found.map { "chain \(String($0, radix: 16))" } ?? "no block boundary") + " there"
    case .attemptUnknown(let attempt):
      "the flush up to position \(attempt.to.position.rawValue) is not known to be committed, and "
        + "the log alone cannot tell what it holds: start again when Postgres can be asked"
    }
  }
}
