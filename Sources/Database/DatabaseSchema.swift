public import Postgres

/// The schema `weighbridge`: its version, its migrations and its roles.
public enum DatabaseSchema {
  /// The version that this program works with.
  public static var version: Int { migrations.count }

  /// The role that owns the tables; it cannot log in.
  public static let ownerRole = "weighbridge_owner"
  /// The role that the service's login is a member of.
  public static let serviceRole = "weighbridge_service"
  /// The role for consumers, which may only read.
  public static let readerRole = "weighbridge_reader"

  /// What a migration did.
  public struct Report: Sendable, Hashable {
    /// The version before; 0 for a database without the schema.
    public var from: Int
    /// The version now.
    public var to: Int
    /// The names of the migrations between them, in their order.
    public var migrations: [String] { DatabaseSchema.migrations[from..<to].map(\.name) }
  }

  /// The migrations in order; the index plus one is the version. A released one never changes.
  private static let migrations: [(name: String, script: [UInt8])] = [
    ("tables", PackageResources.m0001_tables_sql),
    ("locks", PackageResources.m0002_locks_sql),
    ("functions", PackageResources.m0003_functions_sql),
    (
      "periods",
      PackageResources.m0004_periods_sql + PackageResources.m0004_finalization_sql
        + PackageResources.m0004_views_sql
    ),
    ("jobs", PackageResources.m0005_jobs_sql),
    ("corrections", PackageResources.m0006_corrections_sql),
  ]

  /// Number of the advisory lock that keeps migrations apart: the bytes "weighbrg".
  private static let lockNumber = "8603958063513203303"

  /// Brings the schema to this program's version, in one transaction. May be run again at any time,
  /// also by several at once.
  ///
  /// - Parameters:
  ///   - connection: a session of a superuser, or of a role that may create roles (`CREATEROLE`)
  ///     and schemas (`CREATE` on the database).
  ///   - serviceLogin: the role that the service logs in as; it is made a member of
  ///     ``serviceRole``, and created without a password if it does not exist.
  ///   - isDryRun: whether the transaction is rolled back when all of it has gone well.
  /// - Throws: ``DatabaseError``; nothing has changed then.
  @discardableResult
  public static func migrate(
    on connection: PostgresConnection, serviceLogin: String? = nil, isDryRun: Bool = false
  ) throws(DatabaseError) -> Report {
    try migrate(on: connection, to: version, serviceLogin: serviceLogin, isDryRun: isDryRun)
  }

  /// Brings an older schema to any version up to this program's.
  @discardableResult
  static func migrate(
    on connection: PostgresConnection, to version: Int, serviceLogin: String?,
    isDryRun: Bool = false
  ) throws(DatabaseError) -> Report {
    do {
      try requireUTF8(connection)
      try connection.execute("BEGIN ISOLATION LEVEL READ COMMITTED")
      try connection.execute("SELECT pg_advisory_xact_lock($1)", [lockNumber])
      try run(PackageResources.roles_sql, as: "migration of the roles", on: connection)
      let from = try currentVersion(connection) ?? 0
      guard from <= version else { throw DatabaseError.schemaNewer(found: from, known: version) }
      for index in from..<version { try apply(index, on: connection) }
      if let serviceLogin { try admit(serviceLogin, on: connection) }
      try connection.execute(isDryRun ? "ROLLBACK" : "COMMIT")
      return Report(from: from, to: version)
    } catch {
      if connection.isInTransaction { _ = try? connection.execute("ROLLBACK") }
      throw DatabaseError(any: (error as? PostgresError).map(explained) ?? error)
    }
  }

  /// Makes sure that the schema is exactly at this program's version.
  ///
  /// - Throws: ``DatabaseError/schemaMissing``, ``DatabaseError/schemaOlder(found:needed:)``,
  ///   ``DatabaseError/schemaNewer(found:known:)`` or what the server says.
  public static func requireCurrent(_ connection: PostgresConnection) throws(DatabaseError) {
    let found: Int?
    do throws(PostgresError) {
      found = try currentVersion(connection)
    } catch {
      throw DatabaseError(error)
    }
    guard let found, found > 0 else { throw .schemaMissing }
    if found < version { throw .schemaOlder(found: found, needed: version) }
    if found > version { throw .schemaNewer(found: found, known: version) }
  }

  private static func requireUTF8(_ connection: PostgresConnection) throws {
    let encoding = try connection.execute("SHOW server_encoding").text(0, 0)
    guard encoding == "UTF8" else { throw DatabaseError.encodingUnsupported(found: encoding) }
  }

  /// The highest migration that was applied; nil if the table of migrations is not there.
  private static func currentVersion(
    _ connection: PostgresConnection
  ) throws(PostgresError) -> Int? {
    let known = try connection.execute(
      """
      SELECT 1 FROM pg_catalog.pg_class AS class
      JOIN pg_catalog.pg_namespace AS namespace ON namespace.oid = class.relnamespace
      WHERE namespace.nspname = 'weighbridge' AND class.relname = 'schema_migrations'
      """)
    guard known.count > 0 else { return nil }
    let highest = try connection.execute(
      "SELECT coalesce(max(version), 0) FROM weighbridge.schema_migrations")
    return try highest.integer(0, 0)
  }

  private static func apply(
    _ index: Int, on connection: PostgresConnection
  ) throws(PostgresError) {
    let migration = migrations[index]
    try connection.execute("SET LOCAL ROLE \(ownerRole)")
    try run(migration.script, as: "migration \(index + 1), \(migration.name)", on: connection)
    try connection.execute(
      "INSERT INTO weighbridge.schema_migrations (version, name) VALUES ($1, $2)",
      [String(index + 1), migration.name])
    try connection.execute("RESET ROLE")
  }

  /// Lets a login role act as the service.
  private static func admit(
    _ login: String, on connection: PostgresConnection
  ) throws(PostgresError) {
    let quoted = "\"\(login.replacing("\"", with: "\"\""))\""
    let known = try connection.execute(
      "SELECT 1 FROM pg_catalog.pg_roles WHERE rolname = $1", [login])
    if known.count == 0 { try connection.execute("CREATE ROLE \(quoted) LOGIN") }
    try connection.execute("GRANT \(serviceRole) TO \(quoted)")
  }

  /// Runs a script; its error names it instead of quoting it.
  private static func run(
    _ script: [UInt8], as name: String, on connection: PostgresConnection
  ) throws(PostgresError) {
    do throws(PostgresError) {
      try connection.run(script: String(decoding: script, as: UTF8.self))
    } catch {
      var named = error
      named.statement = name
      throw named
    }
  }

  /// The error with the role that is needed, if this one may not do it.
  private static func explained(_ error: PostgresError) -> PostgresError {
    guard error.sqlState == "42501" else { return error }
    var explained = error
    explained.hint =
      "Migrate as a superuser, or as a role with CREATEROLE that may create schemas here."
    return explained
  }
}
