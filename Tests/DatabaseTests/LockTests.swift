import Metering
import Postgres
import SegmentLog
import Testing
import Wire

@testable import Database

/// The lock of finalized periods, tried by a superuser, whom no privilege holds back.
@Suite("Lock")
struct LockTests {
  /// Tenant `a` has January finalized and February open; tenant `b` has both open.
  private func scratch() throws -> (ScratchDatabase, PostgresConnection) {
    let scratch = try ScratchDatabase()
    let database = try scratch.rollups()
    var maker = BatchMaker()
    let january = Months.january.firstHour
    let february = Months.february.firstHour
    _ = try database.flush(
      maker.next(
        rollups: [
          increment("a", january), increment("a", february), increment("b", january),
          increment("b", february),
        ],
        adjustments: [
          late("a", BillingPeriod(month: 600).firstHour, bookedIn: Months.january),
          late("a", BillingPeriod(month: 600).firstHour, bookedIn: Months.february),
          late("b", BillingPeriod(month: 600).firstHour, bookedIn: Months.january),
        ], finalizing: [("a", Months.january)]))
    return (scratch, try scratch.administrator())
  }

  private static let values = """
    (tenant, hour, kind, operation, context_type, context, records, quantity, weighted,
     byte_milliseconds, digest, flush_id)
    """

  private static func row(_ tenant: String, _ month: String) -> String {
    "('\(tenant)', '2026-\(month)-05T00:00Z', 'traffic', 'x', 'other', '', 1, 1, 1, 1, 1, 1)"
  }

  /// Statements that touch January of `a`, each on the parent and on its month.
  private static func refused() -> [String] {
    var statements: [String] = []
    for table in ["usage_hourly", "usage_hourly_2026_01"] {
      let name = "weighbridge.\(table)"
      statements += [
        "INSERT INTO \(name) \(values) VALUES \(row("a", "01"))",
        "INSERT INTO \(name) \(values) VALUES \(row("b", "01")), \(row("a", "01"))",
        """
        INSERT INTO \(name) SELECT * FROM \(name) WHERE tenant = 'a' AND hour < '2026-02-01T00:00Z'
        ON CONFLICT (tenant, hour, kind, operation, context_type, context)
        DO UPDATE SET records = 7
        """,
        "UPDATE \(name) SET quantity = quantity + 1 WHERE hour < '2026-02-01T00:00Z'",
        """
        UPDATE \(name) SET tenant = 'b', operation = 'y'
        WHERE tenant = 'a' AND hour < '2026-02-01T00:00Z'
        """,
        """
        UPDATE \(name) SET tenant = 'a', operation = 'y'
        WHERE tenant = 'b' AND hour < '2026-02-01T00:00Z'
        """,
        "DELETE FROM \(name) WHERE tenant = 'a' AND hour < '2026-02-01T00:00Z'",
        "UPDATE \(name) SET quantity = quantity + 1",
        "DELETE FROM \(name)",
        "TRUNCATE \(name)",
        "SET LOCAL session_replication_role = replica; DELETE FROM \(name)",
        """
        MERGE INTO \(name) AS t USING (VALUES ('a')) AS s (tenant)
        ON t.tenant = s.tenant AND t.hour < '2026-02-01T00:00Z' WHEN MATCHED THEN DELETE
        """,
        """
        MERGE INTO \(name) AS t USING (VALUES ('a')) AS s (tenant)
        ON t.tenant = s.tenant AND t.hour < '2026-02-01T00:00Z'
        WHEN MATCHED THEN UPDATE SET records = 9
        """,
      ]
    }
    return statements + refusedAcrossTables
  }

  /// Further statements that touch it.
  private static let refusedAcrossTables = [
    // Into the finalized month and out of it.
    """
    UPDATE weighbridge.usage_hourly SET hour = '2026-01-09T00:00Z'
    WHERE tenant = 'a' AND hour >= '2026-02-01T00:00Z'
    """,
    """
    UPDATE weighbridge.usage_hourly SET hour = '2026-02-09T00:00Z'
    WHERE tenant = 'a' AND hour < '2026-02-01T00:00Z'
    """,
    "TRUNCATE weighbridge.billing_periods",
    "DELETE FROM weighbridge.billing_periods",
    "UPDATE weighbridge.billing_periods SET state = 'open', finalized_at = NULL",
    "UPDATE weighbridge.billing_periods SET totals = '{}' WHERE state = 'finalized'",
    """
    INSERT INTO weighbridge.usage_adjustments
      SELECT tenant, booking_period, origin_hour, kind, 'new', context_type, context, records,
        quantity, weighted, byte_milliseconds, digest, flush_id
      FROM weighbridge.usage_adjustments
    """,
    "UPDATE weighbridge.usage_adjustments SET quantity = 8",
    "UPDATE weighbridge.usage_adjustments SET tenant = 'c' WHERE tenant = 'a'",
    """
    UPDATE weighbridge.usage_adjustments SET booking_period = '2026-01-01T00:00Z', operation = 'y'
    WHERE tenant = 'a' AND booking_period = '2026-02-01T00:00Z'
    """,
    """
    UPDATE weighbridge.usage_adjustments SET booking_period = '2026-03-01T00:00Z'
    WHERE tenant = 'a' AND booking_period = '2026-01-01T00:00Z'
    """,
    "DELETE FROM weighbridge.usage_adjustments",
    "TRUNCATE weighbridge.usage_adjustments",
  ]

  @Test("nothing touches a finalized period, on the parent or straight at its month")
  func refusedStatements() throws {
    let (_, connection) = try scratch()
    func state() throws -> [String] {
      let rows = try connection.execute(
        """
        SELECT t::text FROM weighbridge.usage_hourly t UNION ALL
        SELECT t::text FROM weighbridge.usage_adjustments t UNION ALL
        SELECT t::text FROM weighbridge.billing_periods t ORDER BY 1
        """)
      return (0..<rows.count).map { rows.text($0, 0) }
    }
    let before = try state()
    for statement in Self.refused() {
      try connection.execute("BEGIN")
      let error = #expect(throws: PostgresError.self, "\(statement)") {
        try connection.run(script: statement)
      }
      try connection.execute("ROLLBACK")
      #expect(error?.sqlState == "WB001", "\(statement)")
      #expect(error?.message == "BILLING_PERIOD_LOCKED")
      #expect(error?.detail == "tenant a, period 2026-01")
      #expect(try state() == before, "\(statement)")
    }
  }

  @Test("a period that was finalized without any usage refuses usage like any other")
  func emptyPeriod() throws {
    let scratch = try ScratchDatabase()
    let database = try scratch.rollups()
    var maker = BatchMaker()
    _ = try database.flush(maker.next(finalizing: [("a", Months.january)]))
    let connection = try scratch.administrator()
    for table in ["usage_hourly", "usage_hourly_2026_01"] {
      let error = #expect(throws: PostgresError.self) {
        try connection.execute(
          "INSERT INTO weighbridge.\(table) \(Self.values) VALUES \(Self.row("a", "01"))")
      }
      #expect(error?.sqlState == "WB001")
      #expect(error?.detail == "tenant a, period 2026-01")
    }
  }

  @Test("COPY into a finalized period is refused, on the parent and on its month")
  func copy() throws {
    let (_, connection) = try scratch()
    for table in ["usage_hourly", "usage_hourly_2026_01"] {
      let error = #expect(throws: PostgresError.self) {
        try connection.copy(into: "weighbridge.\(table) \(Self.values)", columns: 12) {
          (writer: inout BinaryCopyWriter) throws(PostgresError) in
          try writer.beginRow()
          writer.text("a")
          writer.timestamp(milliseconds: Months.january.firstHour.end.milliseconds)
          for text in ["traffic", "x", "other", ""] { writer.text(text) }
          writer.int8(1)
          for _ in 0..<4 { writer.numeric(Int128(1)) }
          writer.int8(1)
        }
      }
      #expect(error?.sqlState == "WB001")
    }
  }

  @Test("open periods take every kind of change")
  func openPeriods() throws {
    let (_, connection) = try scratch()
    for statement in [
      "INSERT INTO weighbridge.usage_hourly \(Self.values) VALUES \(Self.row("b", "01"))",
      "INSERT INTO weighbridge.usage_hourly_2026_02 \(Self.values) VALUES \(Self.row("a", "02"))",
      "UPDATE weighbridge.usage_hourly SET records = 5 WHERE tenant = 'b'",
      """
      UPDATE weighbridge.usage_hourly SET hour = '2026-02-20T00:00Z'
      WHERE tenant = 'b' AND operation = 'x'
      """,
      "DELETE FROM weighbridge.usage_hourly WHERE tenant = 'b'",
      "DELETE FROM weighbridge.usage_adjustments WHERE tenant = 'b'",
      "TRUNCATE weighbridge.usage_hourly_2026_02",
    ] {
      try connection.execute(statement)
    }
    let periods = try connection.execute(
      "SELECT tenant, state FROM weighbridge.billing_periods ORDER BY tenant, period_start")
    #expect(
      (0..<periods.count).map { "\(periods.text($0, 0)) \(periods.text($0, 1))" } == [
        "a finalized", "a open", "b open", "b open",
      ])
  }

  @Test("a transaction with an old snapshot cannot write past a finalization")
  func oldSnapshot() throws {
    let scratch = try ScratchDatabase()
    let database = try scratch.rollups()
    var maker = BatchMaker()
    let hour = Months.january.firstHour
    _ = try database.flush(maker.next(rollups: [increment("a", hour), increment("b", hour)]))
    // Tenant a has its row in billing_periods in the old snapshot, tenant c has none.
    for (tenant, expected) in [("a", "40001"), ("c", "40001")] {
      let old = try scratch.administrator()
      try old.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
      try old.execute("SELECT count(*) FROM weighbridge.billing_periods")
      _ = try database.flush(maker.next(finalizing: [(tenant, Months.january)]))
      let error = #expect(throws: PostgresError.self) {
        try old.execute(
          "INSERT INTO weighbridge.usage_hourly \(Self.values) VALUES \(Self.row(tenant, "01"))")
      }
      #expect(error?.sqlState == expected)
      try old.execute("ROLLBACK")
      try old.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
      let truncate = #expect(throws: PostgresError.self) {
        try old.execute("TRUNCATE weighbridge.usage_hourly_2026_01")
      }
      #expect(truncate?.sqlState == "0A000")
    }
  }

  @Test("a flush into a finalized period fails as a whole and names the period")
  func flushIsRefused() throws {
    let (scratch, _) = try scratch()
    let database = try scratch.rollups()
    var maker = BatchMaker()
    _ = maker.next()
    let batch = maker.next(
      rollups: [increment("b", Months.march.firstHour), increment("a", Months.january.firstHour)])
    var first = BatchMaker().self
    let committed = first.next()
    var follow = batch
    follow.from = committed.to
    let error = #expect(throws: DatabaseError.self) { try database.flush(follow) }
    guard case .periodLocked(let reason) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(reason.detail == "tenant a, period 2026-01")
    #expect(try database.checkpoint(partition: 0)?.place == committed.to)
    // March was made and undone with the flush; the session knows.
    var again = follow
    again.rollups.removeLast()
    #expect(try database.flush(again) == .committed(flush: 2))
  }
}
