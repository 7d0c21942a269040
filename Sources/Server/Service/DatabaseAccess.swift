internal import Database
internal import Foundation
internal import Logging
internal import Metering
internal import Postgres
internal import SegmentLog
internal import Wire

/// How this service reaches Postgres: the configured server, or a private cluster that it starts.
///
/// Any thread may use it; starting and stopping the cluster exclude each other.
final class DatabaseAccess: Sendable {
  /// The login of the service in its private cluster.
  static let privateLogin = "weighbridge"

  let settings: ConnectionSettings
  private let cluster: PrivateCluster?
  /// Whether Postgres is the private cluster.
  var isPrivate: Bool { cluster != nil }
  private let logger: Logger
  private let lock = NSLock()
  nonisolated(unsafe) private var isStopped = false

  /// Starts the private cluster and migrates it, if no server is configured.
  init(_ configuration: ServerConfiguration, directory: DataDirectory, logger: Logger) throws {
    self.logger = logger
    if let url = configuration.postgres.url {
      cluster = nil
      settings = ConnectionSettings(url)
      return
    }
    let cluster = try PrivateCluster.start(folder: directory.layout.postgresCluster)
    self.cluster = cluster
    logger.info(
      "private Postgres",
      metadata: ["origin": "\(cluster.origin)", "socket": "\(cluster.socketDirectory)"])
    settings = ConnectionSettings(
      cluster.connectionString(user: Self.privateLogin))
    do {
      let administrator = try PostgresConnection(
        ConnectionSettings(
          cluster.connectionString(user: PrivateCluster.administrator)))
      let report = try DatabaseSchema.migrate(
        on: administrator, serviceLogin: Self.privateLogin)
      if report.from != report.to {
        logger.info("migrated", metadata: ["from": "\(report.from)", "to": "\(report.to)"])
      }
    } catch {
      stop(within: 120)
      throw error
    }
  }

  /// Connects. A private cluster whose server has died is started again first, once in each call.
  func open() throws(DatabaseError) -> RollupDatabase {
    do throws(PrivateClusterError) {
      try restartIfDead()
    } catch {
      throw .privateCluster(error)
    }
    return try RollupDatabase(settings)
  }

  private func restartIfDead() throws(PrivateClusterError) {
    guard let cluster else { return }
    lock.lock()
    defer { lock.unlock() }
    guard unsafe !isStopped, !cluster.isRunning else { return }
    logger.error("private Postgres has ended; it is started again")
    let restarted = try PrivateCluster.start(folder: cluster.folder)
    logger.notice(
      "private Postgres runs again", metadata: ["socket": "\(restarted.socketDirectory)"])
  }

  /// The checkpoints in Postgres, by partition; nil if Postgres cannot be reached now.
  ///
  /// - Throws: if the database can never serve this installation.
  func checkpoints(of installation: Installation) throws -> [UInt16: Checkpoint]? {
    do throws(DatabaseError) {
      var places: [UInt16: Checkpoint] = [:]
      for stored in try open().checkpoints() {
        guard stored.installation == installation.id else {
          throw .installationMismatch(expected: installation.id, found: stored.installation)
        }
        places[stored.partition] = stored.place
      }
      return places
    } catch {
      switch error {
      case .postgres, .outcomeUnknown, .readOnly, .privateCluster:
        logger.warning(
          "Postgres cannot be reached; usage is taken, and flushed when it is back",
          metadata: ["error": "\(error)"])
        return nil
      default: throw error
      }
    }
  }

  /// Stops the private cluster for good; one that does not stop in time is left to the next start.
  func stop(within seconds: Int) {
    lock.lock()
    defer { lock.unlock() }
    unsafe isStopped = true
    do throws(PrivateClusterError) {
      try cluster?.stop(within: seconds)
    } catch {
      logger.error("private Postgres does not stop", metadata: ["error": "\(error)"])
    }
  }

  /// Tells the private cluster to stop and waits for nothing.
  func beginStop() {
    // From here on nobody starts it again. A start that is under way holds the lock for seconds,
    // which are not waited for.
    if lock.try() {
      unsafe isStopped = true
      lock.unlock()
    }
    cluster?.beginStop()
  }
}
