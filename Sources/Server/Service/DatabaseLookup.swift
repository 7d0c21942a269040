public import Database
internal import Postgres

/// How a command that stands beside the service reaches the service's Postgres.
public enum DatabaseLookup {
  /// Connects: to the configured server, else to the private cluster of the data directory.
  ///
  /// - Throws: ``CommandFailure`` that says what to do if it cannot be reached.
  public static func open(
    _ configuration: ServerConfiguration
  ) throws(CommandFailure) -> RollupDatabase {
    let settings = try settings(configuration)
    do throws(DatabaseError) {
      return try RollupDatabase(settings)
    } catch {
      throw CommandFailure("\(error)")
    }
  }

  /// Brings the schema to this program's version.
  ///
  /// - Parameters:
  ///   - url: a connection string of an administrator.
  ///   - serviceLogin: the role that the service logs in as; nil to leave it as it is.
  ///   - isDryRun: whether all is taken back once it has gone well.
  public static func migrate(
    url: String, serviceLogin: String?, isDryRun: Bool
  ) throws(CommandFailure) -> DatabaseSchema.Report {
    do {
      let connection = try PostgresConnection(ConnectionSettings(url))
      return try DatabaseSchema.migrate(
        on: connection, serviceLogin: serviceLogin, isDryRun: isDryRun)
    } catch {
      throw CommandFailure("\(error)")
    }
  }

  private static func settings(
    _ configuration: ServerConfiguration
  ) throws(CommandFailure) -> ConnectionSettings {
    if let url = configuration.postgres.url { return ConnectionSettings(url) }
    let layout: DataDirectoryLayout
    do throws(DataDirectoryError) {
      layout = try DataDirectoryLayout(existing: configuration.dataDirectory)
    } catch {
      throw CommandFailure(error)
    }
    // A private cluster may still run from before the service was given another server.
    let service = try? ControlClient.send(
      ControlRequest(.status), to: layout, timeout: answerSeconds
    ).status
    if let service, !service.flush.isPrivate {
      throw CommandFailure(
        "the service of \(layout.path) writes to a Postgres that its own settings name: give this "
          + "command the same --config, or --postgres-url")
    }
    if let text = PrivateCluster.connectionString(
      ofRunning: layout.postgresCluster, user: DatabaseAccess.privateLogin)
    {
      return ConnectionSettings(text)
    }
    guard service == nil else {
      throw CommandFailure(
        "the private Postgres of \(layout.path) has ended; the service runs, and starts it again "
          + "with its next flush: repeat the command then")
    }
    throw CommandFailure(
      "no service answers for \(layout.path), and its private Postgres does not run: start the "
        + "service with weighbridge serve --data-directory \(layout.path), or give --postgres-url "
        + "if its Postgres is another")
  }

  /// Seconds that a service may take to say which Postgres it uses; one that holds still for longer
  /// counts as one that does not run.
  private static let answerSeconds = 10
}
