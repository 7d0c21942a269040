/// How to reach a server, and how long to wait for it.
public struct ConnectionSettings: Sendable {
  /// A libpq connection string, either keywords (`host=… dbname=…`) or a URI. It may hold a
  /// password and therefore appears in no description.
  public var connectionString: String
  /// Seconds that connecting may take for each address; at least 2 (a rule of libpq).
  public var connectTimeoutSeconds: Int
  /// Milliseconds that one statement may take before the server cancels it; 0 for no limit.
  public var statementTimeoutMilliseconds: Int
  /// The name that the server shows for the session.
  public var applicationName: String

  /// How to reach a server. What the string itself sets stands, except the statement timeout.
  public init(
    _ connectionString: String, connectTimeoutSeconds: Int = 10,
    statementTimeoutMilliseconds: Int = 0, applicationName: String = "weighbridge"
  ) {
    self.connectionString = connectionString
    self.connectTimeoutSeconds = max(connectTimeoutSeconds, 2)
    self.statementTimeoutMilliseconds = max(statementTimeoutMilliseconds, 0)
    self.applicationName = applicationName
  }

  /// Parameters of `PQconnectdbParams` in order; the string, expanded, overrides what stands
  /// before it. A dead peer is noticed after about a minute.
  var parameters: [(String, String)] {
    [
      ("client_encoding", "UTF8"),
      ("application_name", applicationName),
      ("connect_timeout", String(connectTimeoutSeconds)),
      ("keepalives", "1"),
      ("keepalives_idle", "30"),
      ("keepalives_interval", "10"),
      ("keepalives_count", "3"),
      ("tcp_user_timeout", "60000"),
      ("dbname", connectionString),
    ]
  }
}

extension ConnectionSettings: CustomStringConvertible {
  /// Says nothing but the application's name.
  public var description: String { "Postgres connection of \(applicationName)" }
}
