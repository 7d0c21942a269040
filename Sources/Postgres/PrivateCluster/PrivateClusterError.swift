/// Why the private cluster cannot be used.
public enum PrivateClusterError: Error, Sendable, Equatable {
  /// No directory holds `postgres`, `initdb` and `pg_ctl` (of the cluster's major version).
  case serverNotFound(version: String?, searched: [String])
  /// The service runs as root, which Postgres refuses, and the account to run it as is missing.
  case accountNotFound(name: String)
  /// The account that runs the server may not pass a directory above the cluster.
  case directoryNotReachable(directory: String, account: String)
  /// A directory belongs to someone else or is open to others.
  case directoryNotPrivate(directory: String, reason: String)
  /// A file or directory operation failed.
  case fileOperation(operation: String, path: String, errno: Int32)
  /// A program could not be run or failed.
  case program(name: String, status: Int32, output: String)
  /// A server runs on the directory, but does not answer.
  case notAnswering(process: Int32, reason: String)
  /// The cluster answers, but an administrative statement failed.
  case postgres(PostgresError)
}

extension PrivateClusterError: CustomStringConvertible {
  /// A sentence that says what to do, where there is something.
  public var description: String {
    switch self {
    case .serverNotFound(let version, let searched):
      let wanted = version.map { "PostgreSQL \($0), which made this cluster," } ?? "PostgreSQL"
      return "\(wanted) is not installed (looked in \(searched.joined(separator: ", "))); "
        + "install postgresql, or name a database in the configuration"
    case .accountNotFound(let name):
      return "Postgres does not run as root, and there is no account \(name) to run it as"
    case .directoryNotReachable(let directory, let account):
      return "account \(account), which runs the private cluster, may not enter \(directory); "
        + "allow it (chmod o+x \(directory)) or choose another data directory"
    case .directoryNotPrivate(let directory, let reason):
      return "\(directory) cannot be used for the private cluster: \(reason)"
    case .fileOperation(let operation, let path, let errno):
      return "\(operation) \(path): \(systemMessage(errno))"
    case .program(let name, let status, let output):
      return "\(name) ended with status \(status): \(output)"
    case .notAnswering(let process, let reason):
      return "the private cluster runs as process \(process) but does not answer: \(reason)"
    case .postgres(let error):
      return "private cluster: \(error)"
    }
  }
}
