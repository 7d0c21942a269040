internal import Glibc

/// A Postgres cluster that belongs to one data directory of the service and serves nobody else.
///
/// It opens no port; its unix socket lies in a directory with mode 0700. Started by `pg_ctl`, the
/// server has a session of its own, so that Ctrl-C at the terminal reaches the service alone. It
/// survives a crash of the service; the next start adopts it. One process uses a folder at a time:
/// the service's own lock on its data directory sees to that.
public struct PrivateCluster: Sendable {
  /// How a start found the cluster.
  public enum Origin: Sendable {
    /// Made anew.
    case created
    /// Started from its files.
    case started
    /// Found running, left over by a crash.
    case adopted
  }

  /// The name of the database.
  public static let database = "weighbridge"
  /// The name of the superuser.
  public static let administrator = "postgres"

  /// The folder that holds the cluster and nothing else.
  public let folder: String
  /// The directory of the unix socket.
  public let socketDirectory: String
  /// How this start found the cluster.
  public let origin: Origin

  let binaries: ServerBinaries
  let account: ServerAccount

  /// Makes, starts or adopts the cluster in a folder. Blocks until it answers.
  ///
  /// As root the server runs as the account `postgres`, to which the folder then belongs.
  ///
  /// - Parameter folder: an absolute path; its parent exists.
  /// - Throws: ``PrivateClusterError``.
  public static func start(folder: String) throws(PrivateClusterError) -> PrivateCluster {
    let account = try ServerAccount()
    try FileCalls.makeDirectory(folder)
    guard let folder = FileCalls.resolved(folder) else {
      throw .directoryNotPrivate(directory: folder, reason: "it cannot be resolved")
    }
    try FileCalls.give(folder, to: account)
    try account.requireReachable(folder + "/data")
    try SocketDirectory.requirePrivate(folder, account: account)

    let data = "\(folder)/data"
    let version = FileCalls.text(of: "\(data)/PG_VERSION").map {
      String($0.prefix { !$0.isNewline })
    }
    let binaries = try ServerBinaries.find(version: version)
    if version == nil { try create(data, binaries: binaries, account: account) }
    if let running = PostmasterFile(dataDirectory: data), running.isAlive(dataDirectory: data) {
      let cluster = PrivateCluster(
        folder: folder, socketDirectory: running.socketDirectory, origin: .adopted,
        binaries: binaries, account: account)
      try SocketDirectory.requirePrivate(running.socketDirectory, account: account)
      if try cluster.awaitAnswer(of: running) {
        try cluster.makeDatabase()
        return cluster
      }
    }
    let cluster = PrivateCluster(
      folder: folder,
      socketDirectory: try SocketDirectory.prepare(folder: folder, account: account),
      origin: version == nil ? .created : .started, binaries: binaries, account: account)
    try cluster.launch()
    try cluster.makeDatabase()
    return cluster
  }

  /// Stops the server at once but orderly (`pg_ctl stop -m fast`): open transactions are rolled
  /// back, a checkpoint is written. Nothing happens if it does not run.
  ///
  /// - Parameter seconds: how long to wait for it.
  /// - Throws: ``PrivateClusterError/program(name:status:output:)`` if it does not stop in time; it
  ///   still stops as soon as it can.
  public func stop(within seconds: Int = 120) throws(PrivateClusterError) {
    guard running != nil else { return }
    try run("pg_ctl", ["stop", "-D", data, "-m", "fast", "-w", "-t", String(seconds)])
  }

  /// Tells the server to stop as ``stop(within:)`` does, and does not wait for it.
  public func beginStop() {
    if let running { kill(running.process, SIGINT) }
  }

  /// Whether the server runs, as far as its process tells.
  public var isRunning: Bool { running != nil }

  private var running: PostmasterFile? {
    guard let file = PostmasterFile(dataDirectory: data), file.isAlive(dataDirectory: data)
    else { return nil }
    return file
  }

  /// A libpq connection string for a role of this cluster; no password is needed.
  ///
  /// - Parameters:
  ///   - user: a role that may log in, such as ``administrator``.
  ///   - database: the database's name.
  public func connectionString(
    user: String, database: String = PrivateCluster.database
  ) -> String {
    Self.connectionString(socketDirectory: socketDirectory, user: user, database: database)
  }

  var data: String { "\(folder)/data" }
}
