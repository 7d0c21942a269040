import Foundation
import Postgres

/// A Postgres of its own in a scratch directory, with more memory and longer between checkpoints
/// than the service gives its own.
final class ScratchPostgres {
  private let scratch: ScratchDirectory
  private let cluster: PrivateCluster

  private static let settings = [
    "shared_buffers = '1GB'", "max_wal_size = '8GB'", "checkpoint_timeout = '30min'",
    "work_mem = '64MB'",
  ]

  init(_ name: String) throws {
    scratch = try ScratchDirectory(name)
    let first = try PrivateCluster.start(folder: scratch.file("postgres"))
    do {
      let connection = try PostgresConnection(
        ConnectionSettings(first.connectionString(user: PrivateCluster.administrator)))
      for setting in Self.settings { try connection.execute("ALTER SYSTEM SET \(setting)") }
    }
    try first.stop()
    cluster = try PrivateCluster.start(folder: scratch.file("postgres"))
  }

  deinit { try? cluster.stop() }

  var socketDirectory: String { cluster.socketDirectory }

  func connect() throws -> PostgresConnection {
    try PostgresConnection(
      ConnectionSettings(cluster.connectionString(user: PrivateCluster.administrator)))
  }
}
