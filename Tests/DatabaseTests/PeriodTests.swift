import Metering
import Postgres
import SegmentLog
import Testing
import Wire

@testable import Database

/// Periods that are no calendar months.
@Suite("Periods")
struct PeriodTests {
  /// Tenant `a` has periods from the 15th at 22:00 UTC, tenant `b` calendar months.
  static func calendars(anchorDay: Int = 16, offsetHours: Int = 2) throws -> CalendarTable {
    let calendar = try #require(PeriodCalendar(anchorDay: anchorDay, offsetHours: offsetHours))
    return try CalendarTable(entries: [
      CalendarEntry(tenant: "a", from: .earliest, calendar: calendar)
    ])
  }

  private func periods(_ database: RollupDatabase) throws -> [String] {
    var rows: [String] = []
    try database.snapshot {
      try $0.periods { row in
        let state = row.finalized == nil ? "open" : "finalized"
        rows.append(
          "\(row.tenant) \(row.period.text) \(row.bounds.start.text) \(row.bounds.end.text) "
            + "\(state) \(row.openingLevel)")
      }
    }
    return rows
  }

  private func hour(_ text: String) throws -> Hour { try Hour(parsing: text) }

  @Test("a flush writes down the open periods of its rows, as the calendar has them")
  func openPeriods() throws {
    let database = try ScratchDatabase().rollups()
    var maker = BatchMaker()
    maker.calendars = try Self.calendars()
    let last = try hour("2026-01-15T21:00:00Z")
    let first = try hour("2026-01-15T22:00:00Z")
    _ = try database.flush(
      maker.next(
        rollups: [
          increment("a", last), increment("a", first), increment("b", first),
          increment("\"b\\\", {}", first),
        ]))
    #expect(
      try periods(database) == [
        "\"b\\\", {} 2026-01 2026-01-01T00:00:00Z 2026-02-01T00:00:00Z open 0",
        "a 2025-12 2025-12-15T22:00:00Z 2026-01-15T22:00:00Z open 0",
        "a 2026-01 2026-01-15T22:00:00Z 2026-02-15T22:00:00Z open 0",
        "b 2026-01 2026-01-01T00:00:00Z 2026-02-01T00:00:00Z open 0",
      ])
  }

  @Test("an open period follows its calendar, with its opening level; a finalized one stays")
  func calendarChanges() throws {
    let database = try ScratchDatabase().rollups()
    var maker = BatchMaker()
    let (january, march) = (Months.january.firstHour, Months.march.firstHour)
    _ = try database.flush(
      maker.next(
        rollups: [increment("a", january, kind: .storage, quantity: 8), increment("a", march)],
        finalizing: [("a", Months.january)]))
    let finalized = "a 2026-01 2026-01-01T00:00:00Z 2026-02-01T00:00:00Z finalized 0"
    #expect(
      try periods(database) == [
        finalized, "a 2026-02 2026-02-01T00:00:00Z 2026-03-01T00:00:00Z open 8",
        "a 2026-03 2026-03-01T00:00:00Z 2026-04-01T00:00:00Z open 0",
      ])
    let tenth = try #require(PeriodCalendar(anchorDay: 10, offsetHours: 0))
    maker.calendars = try CalendarTable(entries: [
      CalendarEntry(tenant: "a", from: Months.march, calendar: tenth)
    ])
    _ = try database.flush(maker.next(rollups: [increment("a", march)]))
    #expect(
      try periods(database) == [
        finalized, "a 2026-02 2026-02-01T00:00:00Z 2026-03-10T00:00:00Z open 8",
      ])
    // A calendar that cuts into the finalized period does nothing to it.
    maker.calendars = try Self.calendars(anchorDay: 10, offsetHours: 0)
    let second = Months.february.firstHour
    _ = try database.flush(maker.next(rollups: [increment("a", second)]))
    #expect(try periods(database)[0] == finalized)
    #expect(try periods(database).count == 2)
  }

  @Test("the lock lies at the hour at which the period ends, in the middle of a month's table")
  func lock() throws {
    let scratch = try ScratchDatabase()
    let database = try scratch.rollups()
    var maker = BatchMaker()
    maker.calendars = try Self.calendars()
    let last = try hour("2026-02-15T21:00:00Z")
    let next = try hour("2026-02-15T22:00:00Z")
    _ = try database.flush(
      maker.next(
        rollups: [increment("a", last), increment("a", next), increment("b", last)],
        finalizing: [("a", Months.january)]))
    _ = try database.flush(
      maker.next(
        rollups: [increment("a", next), increment("b", last)],
        adjustments: [
          AdjustmentIncrement(
            subject: increment("a", last).subject, originHour: last, bookingStart: next,
            sums: UsageSums(count: -1, quantity: -5, weighted: -10, digest: UInt128.max - 8))
        ]))
    var attempt = maker
    let refused = attempt.next(rollups: [increment("a", last)])
    let error = #expect(throws: DatabaseError.self) { try database.flush(refused) }
    guard case .periodLocked(let reason) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(reason.detail == "tenant a, period 2026-01")
    let connection = try scratch.administrator()
    // Tables: January and February hold finalized hours, March does not.
    for (month, state) in [("01", "WB001"), ("02", "WB001"), ("03", nil)] {
      try connection.execute("SELECT weighbridge.ensure_month('2026-\(month)-01T00:00Z')")
      var found: String?
      do {
        try connection.execute("TRUNCATE weighbridge.usage_hourly_2026_\(month)")
      } catch {
        found = error.sqlState
      }
      #expect(found == state, "\(month)")
    }
    for statement in [
      "UPDATE weighbridge.period_locks SET finalized_until = '2026-01-01' WHERE tenant = 'a'",
      "UPDATE weighbridge.period_locks SET tenant = 'z' WHERE tenant = 'a'",
      "DELETE FROM weighbridge.period_locks WHERE tenant = 'a'",
      "TRUNCATE weighbridge.period_locks",
    ] {
      let error = #expect(throws: PostgresError.self) { try connection.execute(statement) }
      #expect(error?.sqlState == "WB001", "\(statement)")
      #expect(error?.detail == "tenant a, period 2026-01")
    }
  }

  @Test("a period says which run and which acceptance of gaps it comes from")
  func origin() throws {
    let scratch = try ScratchDatabase()
    let database = try scratch.rollups()
    var maker = BatchMaker(partition: 3)
    let acceptance = GapAcceptance(
      gaps: [
        AcceptedGaps(
          source: SourceIdentity(name: "edge-\"1", epoch: .max), missing: [4...4, 7...UInt64.max]),
        AcceptedGaps(source: SourceIdentity(name: "edge-2", epoch: 0), missing: []),
      ], reason: "the disk of edge-1 is gone {x}", operatorName: "olga",
      time: Months.february.start, position: LogPosition(5))
    var batch = maker.next(acceptances: [acceptance], finalizing: [("a", Months.january)])
    batch.finalizations[0].run = 77
    batch.finalizations[0].acceptance = LogPosition(5)
    _ = try database.flush(batch)
    var found: PeriodRow?
    try database.snapshot { try $0.periods(tenant: "a", period: Months.january) { found = $0 } }
    #expect(found?.finalized?.run == 77)
    let gaps = """
      [{"epoch": 18446744073709551615, "source": "edge-\\"1", \
      "missing": [[4, 4], [7, 18446744073709551615]]}, \
      {"epoch": 0, "source": "edge-2", "missing": []}]
      """
    #expect(
      found?.finalized?.acceptance
        == AcceptanceRow(
          partition: 3, position: LogPosition(5), time: Months.february.start,
          operatorName: "olga", reason: "the disk of edge-1 is gone {x}", gaps: gaps))
    // An acceptance that nobody gave cannot be referred to.
    var unknown = maker.next(finalizing: [("a", Months.february)])
    unknown.finalizations[0].acceptance = LogPosition(6)
    let error = #expect(throws: DatabaseError.self) { try database.flush(unknown) }
    guard case .postgres(let reason) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(reason.sqlState == "23503")
  }

  @Test("totals by operation, and a digest that wraps where a void took more than there was")
  func totals() throws {
    let database = try ScratchDatabase().rollups()
    var maker = BatchMaker()
    let hour = Months.january.firstHour
    var voided = increment("a", hour, operation: "y", quantity: -3, digest: UInt128.max - 6)
    voided.sums.count = -1
    _ = try database.flush(
      maker.next(rollups: [
        increment("a", hour, operation: "x", quantity: 4, digest: 1),
        increment("a", hour, operation: "y", quantity: 3, digest: UInt128.max - 1),
      ]))
    _ = try database.flush(maker.next(rollups: [voided]))
    _ = try database.flush(
      maker.next(rollups: [voided], finalizing: [("a", Months.january)]))
    var sums: [UsageSums] = []
    var row: PeriodRow?
    try database.snapshot { snapshot in
      try snapshot.usage { sums.append($0.sums) }
      try snapshot.periods(period: Months.january) { row = $0 }
    }
    #expect(sums.map(\.count) == [1, -1] && sums.map(\.quantity) == [4, -3])
    #expect(sums[1].digest == UInt128.max - 15)
    #expect(row?.finalized?.digest == UInt128.max - 14)
    #expect(row?.finalized?.records == 0)
    #expect(
      row?.finalized?.operationTotals == """
        {"usage": {"traffic": {\
        "x": {"records": 1, "quantity": 4, "weighted": 8, "byte_milliseconds": 4000}, \
        "y": {"records": -1, "quantity": -3, "weighted": -6, "byte_milliseconds": -3000}}}, \
        "adjustments": {}}
        """)
  }

  @Test("a period with hours that no finalized one holds is refused only if they hold usage")
  func gaps() throws {
    let scratch = try ScratchDatabase()
    let database = try scratch.rollups()
    var maker = BatchMaker()
    _ = try database.flush(
      maker.next(
        adjustments: [late("b", Months.january.firstHour, bookedIn: Months.february)],
        finalizing: [("a", Months.january), ("b", Months.january)]))
    var attempt = maker
    let refused = attempt.next(finalizing: [("b", Months.march)])
    let error = #expect(throws: DatabaseError.self) { try database.flush(refused) }
    guard case .periodOutOfOrder(let reason) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(
      reason.detail == "tenant b, period 2026-03, in the way: usage at 2026-02-01T00:00Z")
    _ = try database.flush(maker.next(finalizing: [("a", Months.march)]))
    // February has no row, but is as locked as March.
    let skipped = maker.next(rollups: [increment("a", Months.february.firstHour)])
    let locked = #expect(throws: DatabaseError.self) { try database.flush(skipped) }
    guard case .periodLocked(let reason) = locked else {
      Issue.record("\(String(describing: locked))")
      return
    }
    #expect(reason.detail == "tenant a, period 2026-03")
  }
}
