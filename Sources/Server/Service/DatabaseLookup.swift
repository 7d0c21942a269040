public import Database
internal import Postgres

/// How a command that stands beside the service reaches the service's Postgres.
public enum DatabaseLookup {
  /// Connects: to the configured server, else to the private cluster of the data directory, which
  /// runs while the service does.
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
  public static func migrate(
    url: String, serviceLogin: String?
  ) throws(CommandFailure) -> DatabaseSchema.Report {
    do {
      let connection = try PostgresConnection(ConnectionSettings(url))
      return try DatabaseSchema.migrate(on: connection, serviceLogin: serviceLogin)
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
    guard
      let text = PrivateCluster.connectionString(
        ofRunning: layout.postgresCluster, user: DatabaseAccess.privateLogin)
    else {
      throw CommandFailure(
        "the private Postgres of \(layout.path) does not run; it runs while the service does: "
          + "start that with weighbridge serve --data-directory \(layout.path)")
    }
    return ConnectionSettings(text)
  }
}
