import Postgres

/// Keeps the service out of its database for a while: no login, and open sessions ended.
struct DatabaseGate {
  private let database: ScratchDatabase
  private let administrator: PostgresConnection

  init(_ database: ScratchDatabase) throws {
    self.database = database
    administrator = try PostgresConnection(
      ConnectionSettings(
        ScratchCluster.shared.connectionString(user: PrivateCluster.administrator)))
  }

  func close() throws {
    try administrator.execute("ALTER DATABASE \(database.name) ALLOW_CONNECTIONS false")
    try administrator.execute(
      """
      SELECT pg_terminate_backend(pid) FROM pg_stat_activity
      WHERE datname = $1 AND pid <> pg_backend_pid()
      """, [database.name])
  }

  func open() throws {
    try administrator.execute("ALTER DATABASE \(database.name) ALLOW_CONNECTIONS true")
  }
}
