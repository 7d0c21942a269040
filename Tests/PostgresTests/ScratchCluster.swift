import Foundation

@testable import Postgres

/// A cluster for the tests of this module, made at first use and removed when the process ends.
enum ScratchCluster {
  static let folder = "/tmp/weighbridge-test-p\(getpid())"

  static let shared: PrivateCluster = {
    do {
      let cluster = try PrivateCluster.start(folder: folder)
      atexit { ScratchCluster.remove() }
      return cluster
    } catch {
      fatalError("the tests need PostgreSQL: \(error)")
    }
  }()

  static func connect(statementTimeoutMilliseconds: Int = 60_000) throws -> PostgresConnection {
    try PostgresConnection(
      ConnectionSettings(
        shared.connectionString(user: PrivateCluster.administrator),
        statementTimeoutMilliseconds: statementTimeoutMilliseconds))
  }

  /// Nothing needs to survive: ending the server at once spares the checkpoint.
  private static func remove() {
    let data = "\(folder)/data"
    if let server = PostmasterFile(dataDirectory: data) {
      kill(server.process, SIGQUIT)
      while server.isAlive(dataDirectory: data) { usleep(10_000) }
    }
    try? FileManager.default.removeItem(atPath: folder)
  }
}
