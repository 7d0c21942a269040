internal import Dedup
internal import SegmentLog

/// Why a data directory cannot be used. Every description says what to do.
public enum DataDirectoryError: Error, Sendable, Hashable, CustomStringConvertible {
  /// The directory above it does not exist.
  case parentMissing(path: String, parent: String)
  /// There is none, and the command does not create one.
  case missing(path: String)
  /// Something else than a directory stands there.
  case notADirectory(path: String)
  /// It cannot be created or written to.
  case notWritable(path: String, cause: SystemCallError)
  /// Others than its owner may write to it, or it has another owner.
  case insecure(path: String, fact: String)
  /// Another process holds its lock; the process id is nil if the holder has not written it.
  case inUse(path: String, processID: Int32?)
  /// It holds a log, but not the identity that the log belongs to.
  case installationMissing(path: String)
  /// The identity cannot be read.
  case installationMalformed(path: String, reason: String)
  /// The identity was written by a later version.
  case installationTooNew(path: String, found: Int, supported: Int)
  /// The partition count is another one than that of the first start.
  case partitionCountChanged(path: String, recorded: UInt16, configured: UInt16)
  /// A segment belongs to another installation, or was written with another secret or number of
  /// partitions, by its header.
  case foreignSegment(path: String, recorded: InstallationIdentity, found: InstallationIdentity)
  /// There is no key to sign certificates with.
  case signingKeyMissing(path: String)
  /// The key that certificates are signed with cannot be read.
  case signingKeyMalformed(path: String, reason: String)
  /// A call of the operating system failed.
  case system(SystemCallError)

  /// What is wrong, and what to do.
  public var description: String {
    switch self {
    case .parentMissing(let path, let parent):
      "the data directory \(path) cannot be created, because \(parent) does not exist; create it "
        + "(mkdir -p \(parent)), or choose another place with --data-directory"
    case .missing(let path):
      "there is no data directory \(path); weighbridge serve creates it, or name another one with "
        + "--data-directory"
    case .notADirectory(let path):
      "the data directory \(path) is not a directory; choose another place with --data-directory"
    case .notWritable(let path, let cause):
      "the data directory \(path) is not writable (\(cause)); run as its owner, or choose another "
        + "place with --data-directory"
    case .insecure(let path, let fact):
      "the directory \(path) is not safe to use: \(fact)"
    case .inUse(let path, let processID):
      "the data directory \(path) is in use by "
        + (processID.map { "process \($0)" } ?? "another process")
        + "; stop that one first, or choose another place with --data-directory"
    case .installationMissing(let path):
      "\(path) is missing although there is a log beside it; restore it from a backup: without it "
        + "no key in the log would be recognised"
    case .installationMalformed(let path, let reason):
      "\(path) cannot be read: \(reason); restore it from a backup"
    case .installationTooNew(let path, let found, let supported):
      "\(path) has format \(found), and this version reads up to \(supported); use the version "
        + "that wrote it"
    case .partitionCountChanged(let path, let recorded, let configured):
      "\(path) was created with ingest.partitions \(recorded), and the configuration says "
        + "\(configured); the number cannot change"
    case .foreignSegment(let path, let recorded, let found)
    where found.id == recorded.id && found.secretFingerprint != recorded.secretFingerprint:
      "\(path) was written with the secret of fingerprint "
        + "\(HashSecret.text(ofFingerprint: found.secretFingerprint)), this installation's has "
        + "\(HashSecret.text(ofFingerprint: recorded.secretFingerprint)): the secret was changed; "
        + "put the right \(SegmentNames.installation) back"
    case .foreignSegment(let path, let recorded, let found):
      "\(path) belongs to another installation: the data directory has \(recorded), the segment "
        + "has \(found); restore both from the same backup"
    case .signingKeyMissing(let path):
      "\(path) is missing: the next start of the service makes a new key; restore it from a backup "
        + "if it must be the old one"
    case .signingKeyMalformed(let path, let reason):
      "\(path) cannot be read: \(reason); restore it from a backup, or move it away, and the next "
        + "start of the service makes a new key"
    case .system(let error): "\(error)"
    }
  }
}

/// What the header of every segment repeats of its installation.
public struct InstallationIdentity: Sendable, Hashable, CustomStringConvertible {
  /// The id, its first byte in the lowest bits.
  public var id: UInt128
  /// The fingerprint of the secret that keys are hashed with.
  public var secretFingerprint: UInt64
  /// The number of partitions.
  public var partitionCount: UInt16

  /// An identity.
  public init(id: UInt128, secretFingerprint: UInt64, partitionCount: UInt16) {
    self.id = id
    self.secretFingerprint = secretFingerprint
    self.partitionCount = partitionCount
  }

  /// All three facts.
  public var description: String {
    "id \(Hexadecimal.text(of: id)), secret fingerprint "
      + "\(HashSecret.text(ofFingerprint: secretFingerprint)), \(partitionCount) "
      + (partitionCount == 1 ? "partition" : "partitions")
  }
}
