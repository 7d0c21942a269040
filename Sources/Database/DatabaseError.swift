public import Metering
public import Postgres
public import SegmentLog
public import Wire

/// Why the rollup database cannot do what was asked.
public enum DatabaseError: Error, Sendable, Equatable {
  /// The server or the connection failed.
  case postgres(PostgresError)
  /// The private cluster does not run and could not be started.
  case privateCluster(PrivateClusterError)
  /// The connection was lost during `COMMIT`: the flush happened or it did not. Reconnect and read
  /// the checkpoint: our own token there means that it did.
  case outcomeUnknown(PostgresError)
  /// The server takes no writes (a standby, or read-only by its settings).
  case readOnly(PostgresError)
  /// There is no schema `weighbridge`; run `weighbridge migrate`.
  case schemaMissing
  /// The schema is older than this program; run `weighbridge migrate`.
  case schemaOlder(found: Int, needed: Int)
  /// The schema was migrated by a newer program, which must be used from now on.
  case schemaNewer(found: Int, known: Int)
  /// The database is not encoded in UTF8.
  case encodingUnsupported(found: String)
  /// The tables hold the rollups of another installation.
  case installationMismatch(expected: InstallationID, found: InstallationID)
  /// The checkpoint stands neither where this flush begins nor where it would put it: someone else
  /// wrote, or the database was restored. `found` is nil if the partition has no checkpoint.
  case otherWriter(partition: UInt16, expected: Checkpoint, found: Checkpoint?)
  /// A row of a finalized period would have changed (SQLSTATE WB001); the detail names tenant and
  /// period.
  case periodLocked(PostgresError)
  /// A period would have been finalized out of order (SQLSTATE WB002).
  case periodOutOfOrder(PostgresError)
  /// A field holds what no version of this program writes.
  case unexpectedValue(column: String, found: String)

  /// The SQLSTATE of a refusal by the lock.
  public static let lockedState = "WB001"
  /// The SQLSTATE of a finalization out of order.
  public static let outOfOrderState = "WB002"

  /// The error that a failure of the server stands for.
  init(_ error: PostgresError) {
    switch error.sqlState {
    case Self.lockedState: self = .periodLocked(error)
    case Self.outOfOrderState: self = .periodOutOfOrder(error)
    case "25006": self = .readOnly(error)
    default: self = .postgres(error)
    }
  }

  /// The same for an error whose type was lost on the way; only these two types are thrown here.
  init(any error: any Error) {
    switch error {
    case let error as DatabaseError: self = error
    case let error as PostgresError: self.init(error)
    default: fatalError("BUG: unexpected error in Database: \(error)")
    }
  }

  /// Whether the same call may succeed when it is simply repeated (serialization failure or
  /// deadlock).
  public var isRetryable: Bool {
    if case .postgres(let error) = self { return error.isRetryable }
    return false
  }

  /// Whether a new connection is needed before anything else can be tried.
  public var isConnectionLost: Bool {
    switch self {
    case .outcomeUnknown: true
    case .postgres(let error), .readOnly(let error): error.isConnectionLost
    default: false
    }
  }
}

extension DatabaseError: CustomStringConvertible {
  /// A sentence that says what was expected, what was found, and what to do.
  public var description: String {
    switch self {
    case .postgres(let error): "\(error)"
    case .privateCluster(let error): "\(error)"
    case .outcomeUnknown(let error):
      "the connection was lost during COMMIT, so the outcome is open: \(error)"
    case .readOnly(let error): "the database server takes no writes: \(error)"
    case .schemaMissing:
      "the database has no schema weighbridge; run `weighbridge migrate` first"
    case .schemaOlder(let found, let needed):
      "schema weighbridge is at version \(found), \(needed) is needed; run `weighbridge migrate`"
    case .schemaNewer(let found, let known):
      "schema weighbridge is at version \(found), this program knows \(known): it is too old"
    case .encodingUnsupported(let found): "the database is encoded in \(found), not in UTF8"
    case .installationMismatch(let expected, let found):
      "the database belongs to installation \(UUIDText(bits: found.bits)), "
        + "not to \(UUIDText(bits: expected.bits))"
    case .otherWriter(let partition, let expected, let found):
      "partition \(partition) was flushed to \(Self.place(expected)), "
        + "but the database stands at \(found.map(Self.place) ?? "no checkpoint"): "
        + "another writer, or a restored database"
    case .periodLocked(let error), .periodOutOfOrder(let error): "\(error)"
    case .unexpectedValue(let column, let found): "column \(column) holds \(found)"
    }
  }

  private static func place(_ checkpoint: Checkpoint) -> String {
    "position \(checkpoint.position.rawValue) (chain \(String(checkpoint.chain, radix: 16)))"
  }
}
