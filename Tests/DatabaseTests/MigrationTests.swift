import Metering
import Postgres
import Testing

@testable import Database

@Suite("Migration")
struct MigrationTests {
  @Test("migrating twice changes nothing the second time")
  func twice() throws {
    let scratch = try ScratchDatabase(migrated: false)
    let connection = try scratch.administrator()
    let first = try DatabaseSchema.migrate(on: connection, serviceLogin: "odd \"login")
    #expect(first == DatabaseSchema.Report(from: 0, to: DatabaseSchema.version))
    let second = try DatabaseSchema.migrate(on: connection, serviceLogin: "odd \"login")
    #expect(
      second == DatabaseSchema.Report(from: DatabaseSchema.version, to: DatabaseSchema.version))
    try DatabaseSchema.requireCurrent(connection)
    let rows = try connection.execute("SELECT count(*) FROM weighbridge.schema_migrations")
    #expect(try rows.integer(0, 0) == DatabaseSchema.version)
    #expect(try RollupDatabase(scratch.settings(user: "odd \"login")).isOpen)
  }

  @Test("a dry run tries everything and changes nothing")
  func dryRun() throws {
    let scratch = try ScratchDatabase(migrated: false)
    let connection = try scratch.administrator()
    let login = "\(scratch.name)_tried"
    let report = try DatabaseSchema.migrate(on: connection, serviceLogin: login, isDryRun: true)
    #expect(report == DatabaseSchema.Report(from: 0, to: DatabaseSchema.version))
    #expect(report.migrations.count == DatabaseSchema.version)
    #expect(throws: DatabaseError.schemaMissing) { try DatabaseSchema.requireCurrent(connection) }
    let roles = try connection.execute(
      "SELECT 1 FROM pg_catalog.pg_roles WHERE rolname = $1", [login])
    #expect(roles.count == 0)

    try DatabaseSchema.migrate(on: connection, to: 3, serviceLogin: nil)
    let later = try DatabaseSchema.migrate(on: connection, isDryRun: true)
    #expect(later.migrations == ["periods", "jobs", "corrections"])
    #expect(throws: DatabaseError.schemaOlder(found: 3, needed: DatabaseSchema.version)) {
      try DatabaseSchema.requireCurrent(connection)
    }
  }

  @Test("an administrator who is no superuser can migrate")
  func ordinaryAdministrator() throws {
    let scratch = try ScratchDatabase(migrated: false)
    let superuser = try scratch.administrator()
    try superuser.execute("CREATE ROLE \(scratch.name)_admin LOGIN CREATEROLE")
    try superuser.execute(
      "GRANT CREATE ON DATABASE \(scratch.name) TO \(scratch.name)_admin WITH GRANT OPTION")
    let connection = try PostgresConnection(scratch.settings(user: "\(scratch.name)_admin"))
    try DatabaseSchema.migrate(on: connection, serviceLogin: "\(scratch.name)_service")
    let database = try RollupDatabase(scratch.settings(user: "\(scratch.name)_service"))
    var maker = BatchMaker()
    let batch = maker.next(rollups: [increment("a", Months.january.firstHour)])
    #expect(try database.flush(batch) == .committed(flush: 1))
  }

  @Test("a role without the rights is told in one line where it failed and which role is needed")
  func withoutRights() throws {
    let scratch = try ScratchDatabase(migrated: false)
    let login = "\(scratch.name)_nobody"
    try scratch.administrator().execute("CREATE ROLE \(login) LOGIN")
    let connection = try PostgresConnection(scratch.settings(user: login))
    let error = #expect(throws: DatabaseError.self) { try DatabaseSchema.migrate(on: connection) }
    let text = error?.description ?? ""
    #expect(text.hasPrefix("[42501] "), "\(text)")
    #expect(text.contains("a role with CREATEROLE that may create schemas"), "\(text)")
    #expect(text.hasSuffix(" — in: migration of the roles"), "\(text)")
    #expect(!text.contains("\n"))
  }

  @Test("a missing, an older and a newer schema are told apart")
  func versions() throws {
    let scratch = try ScratchDatabase(migrated: false)
    let connection = try scratch.administrator()
    #expect(throws: DatabaseError.schemaMissing) {
      try DatabaseSchema.requireCurrent(connection)
    }
    #expect(throws: DatabaseError.schemaMissing) {
      try RollupDatabase(scratch.settings(user: PrivateCluster.administrator))
    }
    try DatabaseSchema.migrate(on: connection, serviceLogin: ScratchCluster.login)
    let known = DatabaseSchema.version
    try connection.execute(
      "UPDATE weighbridge.schema_migrations SET version = version + 1 WHERE version = $1",
      [String(known)])
    #expect(throws: DatabaseError.schemaNewer(found: known + 1, known: known)) {
      try scratch.rollups()
    }
    #expect(throws: DatabaseError.schemaNewer(found: known + 1, known: known)) {
      try DatabaseSchema.migrate(on: connection)
    }
    try connection.execute("DELETE FROM weighbridge.schema_migrations WHERE version > 1")
    #expect(throws: DatabaseError.schemaOlder(found: 1, needed: known)) {
      try scratch.rollups()
    }
  }

  @Test("a database that is not UTF8 is refused, and nothing is left in it")
  func encoding() throws {
    let scratch = try ScratchDatabase(migrated: false, encoding: "SQL_ASCII")
    let connection = try scratch.administrator()
    #expect(throws: DatabaseError.encodingUnsupported(found: "SQL_ASCII")) {
      try DatabaseSchema.migrate(on: connection)
    }
    #expect(
      try connection.execute("SELECT 1 FROM pg_namespace WHERE nspname = 'weighbridge'").count == 0)
  }

  @Test("migrations at the same time end with one schema")
  func concurrent() async throws {
    let scratch = try ScratchDatabase(migrated: false)
    try await withThrowingTaskGroup(of: Int.self) { group in
      for _ in 0..<4 {
        group.addTask {
          try DatabaseSchema.migrate(on: scratch.administrator()).from
        }
      }
      var origins: [Int] = []
      for try await origin in group { origins.append(origin) }
      #expect(origins.sorted() == [0] + Array(repeating: DatabaseSchema.version, count: 3))
    }
  }
}
