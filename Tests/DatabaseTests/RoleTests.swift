import Metering
import Postgres
import SegmentLog
import Testing

@testable import Database

/// What the roles may not do, each tried with a statement that would otherwise work.
@Suite("Roles")
struct RoleTests {
  private static let writes = [
    "usage_hourly", "usage_adjustments", "billing_periods", "flushes", "flush_hours",
    "closed_hours", "checkpoints", "flush_counter", "schema_migrations", "period_locks",
    "gap_acceptances",
  ]

  private func migrated() throws -> ScratchDatabase {
    let scratch = try ScratchDatabase()
    var maker = BatchMaker()
    let hour = Months.january.firstHour
    _ = try scratch.rollups().flush(
      maker.next(
        rollups: [increment("a", hour)], adjustments: [late("a", hour, bookedIn: Months.february)],
        closedHours: [hour],
        acceptances: [
          GapAcceptance(
            gaps: [], reason: "lost", operatorName: "olga", time: hour.start,
            position: LogPosition(7))
        ]))
    return scratch
  }

  private func expectDenied(_ connection: PostgresConnection, _ statement: String) {
    let error = #expect(throws: PostgresError.self, "\(statement)") {
      try connection.execute(statement)
    }
    #expect(error?.sqlState == "42501", "\(statement): \(String(describing: error))")
  }

  @Test("the reader reads, and can do nothing else")
  func reader() throws {
    let connection = try migrated().reader()
    for table in Self.writes where !["checkpoints", "flush_counter"].contains(table) {
      #expect(try connection.execute("SELECT * FROM weighbridge.\(table)").count > 0)
    }
    let place = try connection.execute(
      "SELECT partition, installation, position, chain FROM weighbridge.checkpoints")
    #expect(place.count == 1)
    expectDenied(connection, "SELECT token FROM weighbridge.checkpoints")
    expectDenied(connection, "SELECT * FROM weighbridge.flush_counter")
    for table in Self.writes + ["usage_hourly_2026_01"] {
      expectDenied(connection, "DELETE FROM weighbridge.\(table)")
      expectDenied(connection, "TRUNCATE weighbridge.\(table)")
      expectDenied(connection, "INSERT INTO weighbridge.\(table) DEFAULT VALUES")
      expectDenied(connection, "DROP TABLE weighbridge.\(table)")
    }
    expectDenied(connection, "UPDATE weighbridge.usage_hourly SET records = 0")
    expectDenied(connection, "UPDATE weighbridge.checkpoints SET position = 0")
    expectDenied(connection, "UPDATE weighbridge.closed_hours SET flush_id = 0")
    expectDenied(connection, "SELECT * FROM weighbridge.billing_periods FOR UPDATE")
    for call in Self.calls { expectDenied(connection, "SELECT weighbridge.\(call)") }
    expectDenied(connection, "CREATE TABLE weighbridge.mine ()")
    expectDenied(connection, "SET ROLE weighbridge_owner")
    expectDenied(connection, "SET ROLE weighbridge_service")
  }

  @Test("the reader has the views and functions for consumers, and can listen")
  func readerViews() throws {
    let scratch = try migrated()
    let connection = try scratch.reader()
    for source in [
      "closed_usage_hourly", "closed_usage_since(0)", "storage_hourly", "storage_hours('a')",
    ] {
      #expect(try connection.execute("SELECT * FROM weighbridge.\(source)").count == 1, "\(source)")
    }
    #expect(try connection.execute("SELECT * FROM weighbridge.negative_levels").count == 0)
    #expect(try connection.execute("SELECT weighbridge.closed_until()").count == 1)
    try connection.listen(to: "weighbridge_flush")
    for view in ["closed_usage_hourly", "storage_hourly", "negative_levels"] {
      expectDenied(connection, "DROP VIEW weighbridge.\(view)")
    }
    expectDenied(connection, "UPDATE weighbridge.closed_usage_hourly SET records = 9")
    expectDenied(connection, "CREATE SCHEMA mine")
    expectDenied(connection, "CREATE TABLE public.mine ()")
    expectDenied(connection, "DELETE FROM weighbridge.closed_usage_hourly")
  }

  /// Postgres lets everyone make temporary tables unless the administrator takes that back.
  @Test("temporary tables are taken from the reader by one statement, and the service keeps them")
  func temporaryTables() throws {
    let scratch = try migrated()
    try scratch.reader().execute("CREATE TEMP TABLE mine ()")
    try scratch.administrator().execute(
      "REVOKE TEMPORARY ON DATABASE \(scratch.name) FROM PUBLIC")
    expectDenied(try scratch.reader(), "CREATE TEMP TABLE mine ()")
    try scratch.service().execute("CREATE TEMP TABLE mine ()")
  }

  private static let calls = [
    "ensure_month(now())",
    """
    finalize_period('a', '2026-01', '2026-01-01T00:00Z', '2026-02-01T00:00Z', now(), 'x', 0, 0)
    """,
    "open_periods('{}', '{}', '{}', '{}')",
    "hold_open('{a}', '{2026-01-01T00:00Z}')", "guard_usage('pg_class', NULL)",
    "period_totals('a', now(), now())", "require_order('a', 'x', now(), now())",
    "refuse_locked('a', now())", "locked_name('a', now())", "month_start(now())",
  ]

  @Test("the service writes rows, and changes periods and tables only through functions")
  func service() throws {
    let scratch = try migrated()
    let connection = try scratch.service()
    expectDenied(connection, "UPDATE weighbridge.billing_periods SET opening_level = 1")
    expectDenied(connection, "INSERT INTO weighbridge.billing_periods VALUES ('x', now(), now())")
    expectDenied(connection, "SELECT * FROM weighbridge.billing_periods FOR UPDATE")
    for table in Self.writes + ["usage_hourly_2026_01"] {
      expectDenied(connection, "DELETE FROM weighbridge.\(table)")
      expectDenied(connection, "TRUNCATE weighbridge.\(table)")
      expectDenied(connection, "DROP TABLE weighbridge.\(table)")
      expectDenied(connection, "ALTER TABLE weighbridge.\(table) DISABLE TRIGGER ALL")
    }
    expectDenied(
      connection,
      "ALTER TABLE weighbridge.usage_hourly DETACH PARTITION weighbridge.usage_hourly_2026_01")
    expectDenied(connection, "UPDATE weighbridge.usage_hourly_2026_01 SET records = 0")
    expectDenied(connection, "UPDATE weighbridge.flushes SET records = 0")
    expectDenied(connection, "INSERT INTO weighbridge.schema_migrations VALUES (9, 'x')")
    expectDenied(connection, "DROP TRIGGER usage_inserted ON weighbridge.usage_hourly")
    expectDenied(connection, "CREATE TABLE weighbridge.mine ()")
    expectDenied(connection, "DROP FUNCTION weighbridge.hold_open(text[], timestamptz[])")
    expectDenied(connection, "SET session_replication_role = replica")
    expectDenied(connection, "SET ROLE weighbridge_owner")
    for call in Self.calls.dropFirst(3) { expectDenied(connection, "SELECT weighbridge.\(call)") }
    try connection.execute("SELECT weighbridge.\(Self.calls[0])")
    try connection.execute("SELECT weighbridge.\(Self.calls[1])")
  }

  @Test("a table of the session under a name of ours misleads no function")
  func searchPath() throws {
    let connection = try migrated().service()
    try connection.run(
      script: """
        CREATE TEMP TABLE billing_periods (LIKE weighbridge.billing_periods);
        CREATE TEMP TABLE unnest (i int);
        CREATE FUNCTION pg_temp.timezone(text, timestamptz) RETURNS timestamp
          LANGUAGE sql RETURN now();
        SET search_path = pg_temp, weighbridge, pg_catalog;
        """)
    try connection.execute("SELECT weighbridge.\(Self.calls[1])")
    let error = #expect(throws: PostgresError.self) {
      try connection.execute("UPDATE weighbridge.usage_hourly SET records = 0")
    }
    #expect(error?.sqlState == "WB001")
    #expect(try connection.execute("SELECT * FROM pg_temp.billing_periods").count == 0)
  }

  @Test("every function pins its search path, and every guarded table has all its triggers")
  func catalogue() throws {
    let connection = try migrated().administrator()
    let loose = try connection.execute(
      """
      SELECT proname FROM pg_proc WHERE pronamespace = 'weighbridge'::regnamespace
        AND NOT coalesce(proconfig::text LIKE '%search_path=pg_catalog, pg_temp%', false)
        AND prosqlbody IS NULL
      """)
    #expect(loose.count == 0)
    for table in ["usage_hourly", "usage_hourly_2026_01"] {
      let triggers = try connection.execute(
        """
        SELECT tgname FROM pg_trigger WHERE tgrelid = $1::regclass AND tgenabled = 'A'
        ORDER BY tgname
        """, ["weighbridge.\(table)"])
      #expect(
        (0..<triggers.count).map { triggers.text($0, 0) } == [
          "usage_deleted", "usage_inserted", "usage_moved", "usage_truncated", "usage_updated",
        ], "\(table)")
    }
  }
}
