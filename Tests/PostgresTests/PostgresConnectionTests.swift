import Foundation
import Postgres
import Testing

@Suite("Connection")
struct PostgresConnectionTests {
  @Test("parameters, NULL, counts and the session's settings")
  func statements() throws {
    let connection = try ScratchCluster.connect()
    let rows = try connection.execute(
      "SELECT $1::text, $2::text, $3::int8 + 1, NULL, true", ["a'b\"\\☃", nil, "41"])
    #expect(rows.text(0, 0) == "a'b\"\\☃")
    #expect(rows.isNull(0, 1) && rows.isNull(0, 3) && rows.boolean(0, 4))
    #expect(try rows.integer(0, 2) == 42)
    try connection.execute("CREATE TEMP TABLE t (i int8)")
    let inserted = try connection.execute("INSERT INTO t SELECT generate_series(1, 7)")
    #expect(inserted.affectedRows == 7)
    #expect(inserted.commandTag == "INSERT 0 7")
    for (name, value) in [
      ("TimeZone", "UTC"), ("client_encoding", "UTF8"), ("application_name", "weighbridge"),
      ("fsync", "on"), ("synchronous_commit", "on"), ("full_page_writes", "on"),
    ] {
      #expect(try connection.execute("SHOW \(name)").text(0, 0) == value)
    }
    #expect(connection.serverVersion >= 150_000)
  }

  @Test("an error names SQLSTATE, message, detail and statement")
  func errorFields() throws {
    let connection = try ScratchCluster.connect()
    let statement = """
      DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = 'WB999', MESSAGE = 'm', DETAIL = 'd', HINT = 'h';
      END $$
      """
    let error = #expect(throws: PostgresError.self) { try connection.execute(statement) }
    #expect(
      error
        == PostgresError(
          sqlState: "WB999", message: "m", detail: "d", hint: "h", statement: statement))
    #expect(error?.description.contains("[WB999] m (d) Hint: h") == true)
    #expect(error?.description.contains("'h'; END $$") == true, "one line")
  }

  @Test("numbers that do not fit or are none are errors, not traps")
  func integers() throws {
    let connection = try ScratchCluster.connect()
    let rows = try connection.execute(
      """
      SELECT '32768', '-32769', '1x', '', '-', '-1', '340282366920938463463374607431768211456',
        '-170141183460469231731687303715884105729', '1.5', '300'
      """)
    #expect(throws: PostgresError.self) { try rows.integer(0, 0, as: Int16.self) }
    #expect(throws: PostgresError.self) { try rows.integer(0, 1, as: Int16.self) }
    for column in [2, 3, 4, 8] {
      #expect(throws: PostgresError.self) { try rows.integer(0, column, as: Int64.self) }
    }
    #expect(throws: PostgresError.self) { try rows.integer(0, 5, as: UInt64.self) }
    #expect(throws: PostgresError.self) { try rows.integer(0, 6, as: UInt128.self) }
    #expect(throws: PostgresError.self) { try rows.integer(0, 7, as: Int128.self) }
    #expect(throws: PostgresError.self) { try rows.integer(0, 9, as: UInt8.self) }
    #expect(try rows.integer(0, 0, as: UInt16.self) == 32_768)
    #expect(try rows.integer(0, 5, as: Int8.self) == -1)
  }

  @Test("U+0000 in a parameter is refused before it is sent")
  func nullCharacter() throws {
    let connection = try ScratchCluster.connect()
    #expect(throws: PostgresError.self) { try connection.execute("SELECT $1", ["a\u{0}b"]) }
    #expect(try connection.execute("SELECT $1", ["a"]).text(0, 0) == "a")
  }

  @Test("no description and no error shows a password")
  func passwordIsKept() throws {
    let secret = "tops3cret"
    for text in ["host=/nonexistent password=\(secret) user=x", "password \(secret) ="] {
      let settings = ConnectionSettings(text)
      #expect(!"\(settings)".contains(secret))
      let error = #expect(throws: PostgresError.self) { try PostgresConnection(settings) }
      #expect(error.map { "\($0)".contains(secret) } == false)
    }
  }

  @Test("a statement over its time is cancelled")
  func statementTimeout() throws {
    let connection = try ScratchCluster.connect(statementTimeoutMilliseconds: 20)
    let error = #expect(throws: PostgresError.self) {
      try connection.execute("SELECT pg_sleep(60)")
    }
    #expect(error?.isCancelled == true)
    #expect(error?.isConnectionLost == false)
  }

  @Test("another thread cancels a statement")
  func cancel() throws {
    let connection = try ScratchCluster.connect()
    let canceller = connection.canceller()
    let process = connection.backendProcess
    let thread = Thread {
      guard let observer = try? ScratchCluster.connect() else { return }
      // A request that comes before the statement runs does nothing: wait for the sleep.
      while (try? observer.execute(
        "SELECT 1 FROM pg_stat_activity WHERE pid = $1 AND wait_event = 'PgSleep'",
        [String(process)]
      ).count) == 0 {}
      canceller.cancel()
    }
    thread.start()
    let error = #expect(throws: PostgresError.self) {
      try connection.execute("SELECT pg_sleep(60)")
    }
    #expect(error?.isCancelled == true)
    #expect(try connection.execute("SELECT 1").count == 1)
  }

  @Test("a session that the server ended reports a lost connection")
  func terminated() throws {
    let connection = try ScratchCluster.connect()
    let other = try ScratchCluster.connect()
    try other.execute(
      "SELECT pg_terminate_backend($1, 10000)", [String(connection.backendProcess)])
    let error = #expect(throws: PostgresError.self) { try connection.execute("SELECT 1") }
    #expect(error?.isConnectionLost == true)
    #expect(!connection.isOpen)
    #expect(throws: PostgresError.self) {
      try connection.copy(into: "nothing", columns: 1) { _ throws(PostgresError) in }
    }
  }

  @Test("an error is one line, whatever libpq and the statement have")
  func oneLine() throws {
    let connection = try ScratchCluster.connect()
    let error = #expect(throws: PostgresError.self) {
      try connection.execute("SELECT\n\t  nothing_there\r\n")
    }
    #expect(error?.description.hasSuffix(" — in: SELECT nothing_there") == true)
    let refused = PostgresError(
      sqlState: nil, message: "connection to server failed: refused\n\tIs the server running?",
      statement: "connect")
    #expect(
      "\(refused)"
        == "connection to server failed: refused Is the server running? — in: connect")
  }

  @Test("a deadlock is worth a retry")
  func retryable() {
    for (state, expected) in [("40001", true), ("40P01", true), ("23505", false)] {
      let error = PostgresError(sqlState: state, message: "", statement: "")
      #expect(error.isRetryable == expected)
    }
  }

  @Test("NOTIFY reaches a listener")
  func notifications() throws {
    let listener = try ScratchCluster.connect()
    let sender = try ScratchCluster.connect()
    try listener.listen(to: "odd \"name")
    #expect(try listener.notifications(waitingMilliseconds: 0).isEmpty)
    try sender.execute("SELECT pg_notify('odd \"name', 'first'), pg_notify('odd \"name', 'second')")
    var found: [PostgresNotification] = []
    while found.count < 2 { found += try listener.notifications(waitingMilliseconds: 10_000) }
    #expect(found.map(\.payload) == ["first", "second"])
    #expect(found.allSatisfy { $0.channel == "odd \"name" && $0.sender == sender.backendProcess })
  }
}
