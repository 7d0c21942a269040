import Foundation
import Metering
import Postgres
import Testing
import Wire

@testable import Database

/// Writers of every kind against finalizations of the tenant that they write to.
@Suite("Races")
struct RaceTests {
  private enum Writer: String, CaseIterable {
    case upsert, update, copy, delete, move, adjust, committed, month
  }

  private static let levels = ["READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"]

  private static let finalize = """
    SELECT weighbridge.finalize_period(
      $1, '2026-01', '2026-01-01T00:00Z', '2026-02-01T00:00Z', now(), 'x', 0, 0)
    """

  /// Writes once in a transaction of its own.
  private static func write(
    _ session: PostgresConnection, _ writer: Writer, _ level: String, _ tenant: String,
    _ number: Int
  ) throws {
    try session.execute("BEGIN ISOLATION LEVEL \(level)")
    let day = 1 + number % 28
    let hour = "2026-01-\(day < 10 ? "0" : "")\(day)T00:00Z"
    let operation = "\(writer.rawValue)\(number % 7)"
    switch writer {
    case .upsert, .month:
      let table = writer == .month ? "usage_hourly_2026_01" : "usage_hourly"
      try upsert(session, table, tenant, hour, operation)
    case .update:
      try session.execute(
        "UPDATE weighbridge.usage_hourly SET quantity = quantity + 1 WHERE tenant = $1", [tenant])
    case .copy:
      try session.copy(
        into: """
          weighbridge.usage_hourly (tenant, hour, kind, operation, context_type, context, records,
            quantity, weighted, byte_milliseconds, digest, flush_id)
          """, columns: 12
      ) { (writer: inout BinaryCopyWriter) throws(PostgresError) in
        try writer.beginRow()
        writer.text(tenant)
        writer.timestamp(milliseconds: Months.january.firstHour.start.milliseconds)
        for text in ["storage", "copy\(number)", "other", ""] { writer.text(text) }
        writer.int8(1)
        for _ in 0..<4 { writer.numeric(Int128(1)) }
        writer.int8(1)
      }
    case .delete:
      try session.execute(
        """
        DELETE FROM weighbridge.usage_hourly WHERE tenant = $1 AND operation LIKE 'copy%'
        """, [tenant])
    case .move:
      try session.execute(
        """
        UPDATE weighbridge.usage_hourly SET hour = hour + interval '31 days'
        WHERE tenant = $1 AND operation = 'upsert\(number % 7)' AND hour < '2026-02-01T00:00Z'
          AND NOT EXISTS (SELECT FROM weighbridge.usage_hourly AS other
            WHERE other.tenant = $1 AND other.hour >= '2026-02-01T00:00Z')
        """, [tenant])
    case .adjust:
      try session.execute(
        """
        INSERT INTO weighbridge.usage_adjustments AS present
        VALUES ($1, '2026-01-01T00:00Z', '2025-12-01T00:00Z', 'traffic', $2, 'other', '',
          1, 1, 1, 1, 1, 1)
        ON CONFLICT (tenant, booking_period, origin_hour, kind, operation, context_type, context)
        DO UPDATE SET records = present.records + 1
        """, [tenant, operation])
    case .committed:
      // Two statements: the second meets a finalization that waits for the first.
      for place in 0..<2 {
        try upsert(session, "usage_hourly", tenant, hour, "\(operation)\(place)")
      }
    }
    try session.execute("COMMIT")
  }

  /// Adds a record to a row.
  private static func upsert(
    _ session: PostgresConnection, _ table: String, _ tenant: String, _ hour: String,
    _ operation: String
  ) throws {
    try session.execute(
      """
      INSERT INTO weighbridge.\(table) AS present
      VALUES ($1, $2, 'traffic', $3, 'other', '', 1, 1, 1, 1, 1, 1)
      ON CONFLICT (tenant, hour, kind, operation, context_type, context)
      DO UPDATE SET records = present.records + 1
      """, [tenant, hour, operation])
  }

  /// Writes until the period is locked; what may be tried again is.
  private static func writeUntilLocked(
    _ scratch: ScratchDatabase, _ writer: Writer, _ tenant: String, _ place: Int,
    _ committed: LockedTotal
  ) throws {
    let session = try scratch.administrator()
    for number in 0... {
      do {
        try write(session, writer, levels[(number + place) % 3], tenant, number)
        committed.add(1)
      } catch let error as PostgresError {
        if session.isInTransaction { try session.execute("ROLLBACK") }
        if error.sqlState == "WB001" { return }
        guard error.isRetryable || error.sqlState == "23505" else { throw error }
      }
      // What changes nothing is never refused: it ends when a row says that it is over.
      let state = try session.execute(
        """
        SELECT FROM weighbridge.period_locks
        WHERE tenant = $1 AND finalized_until > '2026-01-01T00:00Z'
        """, [tenant])
      if state.count > 0, [.delete, .move].contains(writer) { return }
    }
  }

  /// Finalizes once; another may have been quicker.
  private static func finalize(_ scratch: ScratchDatabase, _ tenant: String) throws -> Bool {
    let session = try scratch.service()
    while true {
      do {
        try session.execute(finalize, [tenant])
        return true
      } catch {
        if error.sqlState == "WB001" { return false }
        guard error.isRetryable else { throw error }
      }
    }
  }

  @Test("every writer comes before a finalization, whole, or is refused, at any isolation level")
  func writers() throws {
    let scratch = try ScratchDatabase()
    let connection = try scratch.administrator()
    for month in ["01", "02"] {
      try connection.execute("SELECT weighbridge.ensure_month('2026-\(month)-01T00:00Z')")
    }
    for round in 0..<4 {
      let tenant = "t\(round)"
      let committed = LockedTotal()
      let finalized = LockedTotal()
      let running = LockedTotal()
      running.add(2 * Writer.allCases.count)
      var threads: [JoinableThread] = []
      for place in 0..<2 {
        for writer in Writer.allCases {
          threads.append(
            JoinableThread {
              defer { running.add(-1) }
              try Self.writeUntilLocked(scratch, writer, tenant, place, committed)
            })
        }
      }
      for thread in threads { thread.start() }
      while committed.value < 100, running.value > 0 { usleep(200) }
      let finalizers = (0..<3).map { _ in
        JoinableThread { if try Self.finalize(scratch, tenant) { finalized.add(1) } }
      }
      for thread in finalizers { thread.start() }
      for thread in finalizers + threads { try thread.join() }
      #expect(finalized.value == 1)
      try compare(connection, tenant)
    }
  }

  /// The finalized row says exactly what the tables hold now, after all writers have ended.
  private func compare(_ connection: PostgresConnection, _ tenant: String) throws {
    let row = try connection.execute(
      """
      SELECT period.records = sums.records AND period.digest = sums.digest
        AND period.adjustments_digest = sums.adjustments_digest AND period.totals = sums.totals
        AND period.operation_totals = sums.operation_totals
        AND period.closing_level = sums.level_change, period.records, period.totals, sums.totals
      FROM weighbridge.billing_periods AS period,
        weighbridge.period_totals($1, '2026-01-01T00:00Z', '2026-02-01T00:00Z') AS sums
      WHERE period.tenant = $1 AND period.state = 'finalized'
      """, [tenant])
    #expect(row.count == 1)
    #expect(row.boolean(0, 0), "\(row.text(0, 2)) and \(row.text(0, 3))")
    #expect(try row.integer(0, 1) > 0)
  }

  @Test("flushes and a finalization by hand: all of a flush is in the sums, or none of it")
  func flushes() throws {
    let scratch = try ScratchDatabase()
    let connection = try scratch.administrator()
    for round in 0..<4 {
      let tenant = "t\(round)"
      let committed = LockedTotal()
      let running = LockedTotal()
      running.add(3)
      let threads = (0..<3).map { partition in
        let thread = JoinableThread {
          defer { running.add(-1) }
          let database = try scratch.rollups()
          var maker = BatchMaker(partition: UInt16(3 * round + partition))
          while true {
            let january = Months.january.firstHour
            let batch = maker.next(
              rollups: [
                increment("other", january), increment(tenant, january),
                increment(tenant, Months.january.lastHour),
              ])
            var isCommitted = false
            while !isCommitted {
              do throws(DatabaseError) {
                _ = try database.flush(batch)
                isCommitted = true
              } catch {
                if case .periodLocked = error { return }
                guard error.isRetryable else { throw error }
              }
            }
            committed.add(2)
          }
        }
        thread.start()
        return thread
      }
      while committed.value < 30, running.value > 0 { usleep(200) }
      #expect(try Self.finalize(scratch, tenant))
      for thread in threads { try thread.join() }
      let records = try connection.execute(
        "SELECT records FROM weighbridge.billing_periods WHERE tenant = $1 AND state = 'finalized'",
        [tenant])
      #expect(try records.integer(0, 0) == committed.value)
      try compare(connection, tenant)
    }
  }
}
