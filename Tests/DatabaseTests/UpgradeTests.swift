import Metering
import Postgres
import Testing
import Wire

@testable import Database

/// A database that an older version has filled.
@Suite("Upgrade")
struct UpgradeTests {
  @Test("finalized periods of version 3 keep every figure and stay locked")
  func fromThree() throws {
    let scratch = try ScratchDatabase(migrated: false)
    let connection = try scratch.administrator()
    try DatabaseSchema.migrate(on: connection, to: 3, serviceLogin: ScratchCluster.login)
    try connection.run(script: Self.usage)
    for period in ["2026-01", "2026-02"] {
      try connection.execute(
        "SELECT weighbridge.finalize_period('a', '\(period)-01T00:00Z', now(), 'olga', 0, 9)")
    }
    func figures() throws -> [String] {
      let rows = try connection.execute(
        """
        SELECT concat_ws(' ', tenant, period_start, period_end, state, opening_level,
          finalized_at, finalized_by, log_partition, log_position, records, digest,
          adjustments_digest, totals, closing_level)
        FROM weighbridge.billing_periods ORDER BY tenant, period_start
        """)
      return (0..<rows.count).map { rows.text($0, 0) }
    }
    let before = try figures()
    #expect(before.count == 5)
    let report = try DatabaseSchema.migrate(on: connection)
    #expect(report == DatabaseSchema.Report(from: 3, to: DatabaseSchema.version))
    #expect(try figures() == before)
    let rows = try connection.execute(
      """
      SELECT name, operation_totals FROM weighbridge.billing_periods
      WHERE tenant = 'a' ORDER BY period_start
      """)
    #expect((0..<rows.count).map { rows.text($0, 0) } == ["2026-01", "2026-02", "2026-03"])
    #expect(
      rows.text(1, 1) == """
        {"usage": {"traffic": {\
        "x": {"records": 1, "quantity": 7, "weighted": 7, "byte_milliseconds": 7}}}, \
        "adjustments": {"storage": {\
        "x": {"records": 1, "quantity": 9, "weighted": 9, "byte_milliseconds": 9}}}}
        """)
    #expect(rows.isNull(2, 1))
    let locks = try connection.execute(
      "SELECT tenant, finalized_until FROM weighbridge.period_locks ORDER BY tenant")
    #expect((0..<locks.count).map { locks.text($0, 0) } == ["a", "b"])
    #expect(locks.text(0, 1).hasPrefix("2026-03-01") && locks.text(1, 1) == "-infinity")
    try stayLocked(scratch, connection)
  }

  /// The months that version 3 made carry the new lock, and the periods go on.
  private func stayLocked(_ scratch: ScratchDatabase, _ connection: PostgresConnection) throws {
    for statement in [
      "UPDATE weighbridge.usage_hourly_2026_01 SET records = 5 WHERE tenant = 'a'",
      "TRUNCATE weighbridge.usage_hourly_2026_02",
      "UPDATE weighbridge.usage_adjustments SET records = 5",
      "UPDATE weighbridge.billing_periods SET totals = '{}' WHERE tenant = 'a'",
    ] {
      let error = #expect(throws: PostgresError.self) { try connection.execute(statement) }
      #expect(error?.sqlState == "WB001", "\(statement)")
    }
    let database = try scratch.rollups()
    var maker = BatchMaker()
    _ = try database.flush(
      maker.next(
        rollups: [
          increment("a", Months.march.firstHour), increment("b", Months.january.firstHour),
        ],
        finalizing: [("a", Months.march), ("b", Months.january)]))
    var levels: [String: Int128] = [:]
    try database.snapshot {
      try $0.periods { levels["\($0.tenant) \($0.period.text)"] = $0.openingLevel }
    }
    #expect(levels["a 2026-02"] == 100 && levels["a 2026-03"] == 109 && levels["a 2026-04"] == 109)
  }

  private static let usage = """
    SELECT weighbridge.ensure_month('2026-01-01T00:00Z');
    SELECT weighbridge.ensure_month('2026-02-01T00:00Z');
    INSERT INTO weighbridge.usage_hourly VALUES
      ('a', '2026-01-05T00:00Z', 'storage', 'x', 'other', '', 1, 100, 1, 1, 1, 1),
      ('a', '2026-02-05T00:00Z', 'traffic', 'x', 'other', '', 1, 7, 7, 7, 7, 1),
      ('b', '2026-01-05T00:00Z', 'traffic', 'x', 'other', '', 1, 7, 7, 7, 7, 1),
      ('b', '2026-02-05T00:00Z', 'traffic', 'x', 'other', '', 1, 7, 7, 7, 7, 1);
    INSERT INTO weighbridge.usage_adjustments VALUES
      ('a', '2026-02-01T00:00Z', '2026-01-02T00:00Z', 'storage', 'x', 'other', '', 1, 9, 9, 9, 9,
       1);
    """
}
