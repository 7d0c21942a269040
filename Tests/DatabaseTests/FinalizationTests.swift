import Foundation
import Metering
import Postgres
import SegmentLog
import Testing
import Wire

@testable import Database

@Suite("Finalization")
struct FinalizationTests {
  private func periods(_ database: RollupDatabase) throws -> [PeriodRow] {
    var rows: [PeriodRow] = []
    try database.snapshot { try $0.periods { rows.append($0) } }
    return rows
  }

  @Test("a finalized period keeps its sums and hands its storage level on")
  func sums() throws {
    let database = try ScratchDatabase().rollups()
    var maker = BatchMaker()
    let january = Months.january.firstHour
    let february = Months.february.firstHour
    _ = try database.flush(
      maker.next(rollups: [
        increment("a", january, kind: .traffic, quantity: 100, digest: 1),
        increment("a", january, kind: .compute, quantity: 7, digest: 2),
        increment("a", january, kind: .storage, quantity: 1_000, digest: UInt128.max - 9),
        increment("a", Months.january.lastHour, kind: .storage, quantity: -400, digest: 3),
        increment("a", february, kind: .storage, quantity: 50),
      ]))
    // Rows of the same flush are part of what it finalizes.
    let batch = maker.next(
      rollups: [increment("a", Months.january.lastHour, kind: .storage, quantity: 1, digest: 3)],
      finalizing: [("a", Months.january)])
    _ = try database.flush(batch)
    var found = try periods(database)
    #expect(found.map(\.bounds.period) == [Months.january, Months.february])
    #expect(found.map(\.openingLevel) == [0, 601])
    let finalized = try #require(found[0].finalized)
    #expect(finalized.closingLevel == 601)
    #expect(finalized.records == 5)
    #expect(finalized.digest == UInt128.max)
    #expect(finalized.adjustmentsDigest == 0)
    #expect(finalized.operatorName == "olga")
    #expect(finalized.time == Timestamp(milliseconds: 1_767_225_600_123))
    #expect(finalized.partition == 0 && finalized.position == batch.from.position)
    let totals = try #require(
      JSONSerialization.jsonObject(with: Data(finalized.totals.utf8)) as? [String: Any])
    let usage = try #require(totals["usage"] as? [String: [String: NSNumber]])
    #expect(
      usage["traffic"] == [
        "records": 1, "quantity": 100, "weighted": 200, "byte_milliseconds": 100_000,
      ])
    #expect(usage["storage"]?["quantity"] == 601)
    #expect(found[1].finalized == nil)

    // A late change of storage is booked in February and raises what February closes with.
    _ = try database.flush(
      maker.next(
        adjustments: [late("a", january, bookedIn: Months.february, kind: .storage, quantity: 9)],
        finalizing: [("a", Months.february)]))
    found = try periods(database)
    #expect(found.map(\.openingLevel) == [0, 601, 660])
    #expect(found[1].finalized?.records == 2)
    #expect(found[1].finalized?.adjustmentsDigest == 9)
  }

  @Test("a period without any usage can be finalized and carries the level")
  func emptyPeriods() throws {
    let database = try ScratchDatabase().rollups()
    var maker = BatchMaker()
    _ = try database.flush(
      maker.next(
        rollups: [increment("a", Months.january.firstHour, kind: .storage, quantity: 44)],
        finalizing: [("a", Months.january), ("a", Months.february), ("new", Months.march)]))
    let found = try periods(database)
    #expect(found.map(\.tenant) == ["a", "a", "a", "new", "new"])
    #expect(found.map(\.openingLevel) == [0, 44, 44, 0, 0])
    #expect(found.filter { $0.finalized != nil }.count == 3)
    #expect(found[1].finalized?.records == 0)
  }

  @Test("finalizing twice, before an open period with usage, or before a later one is refused")
  func order() throws {
    let scratch = try ScratchDatabase()
    let database = try scratch.rollups()
    var maker = BatchMaker()
    _ = try database.flush(
      maker.next(
        rollups: [
          increment("a", Months.january.firstHour), increment("a", Months.february.firstHour),
        ]))
    func expectRefusal(_ period: BillingPeriod, _ state: String) throws {
      var attempt = maker
      let batch = attempt.next(finalizing: [("a", period)])
      let error = #expect(throws: DatabaseError.self) { try database.flush(batch) }
      switch error {
      case .periodLocked(let reason), .periodOutOfOrder(let reason):
        #expect(reason.sqlState == state)
      default: Issue.record("\(String(describing: error))")
      }
    }
    try expectRefusal(Months.february, DatabaseError.outOfOrderState)
    _ = try database.flush(maker.next(finalizing: [("a", Months.january)]))
    try expectRefusal(Months.january, DatabaseError.lockedState)
    _ = try database.flush(maker.next(finalizing: [("a", Months.february)]))
    try expectRefusal(BillingPeriod(month: 600), DatabaseError.outOfOrderState)
    let connection = try scratch.administrator()
    try connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
    let error = #expect(throws: PostgresError.self) {
      try connection.execute(
        """
        SELECT weighbridge.finalize_period(
          'a', '2026-03', '2026-03-01T00:00Z', '2026-04-01T00:00Z', now(), 'x', 0, 0)
        """)
    }
    #expect(error?.sqlState == "0A000")
  }

  /// Writers add to January until they are refused, while one connection finalizes it: what was
  /// committed is exactly what the finalized row says.
  @Test("writers and a finalization race, and every committed row is in the sums")
  func race() throws {
    let scratch = try ScratchDatabase()
    let connection = try scratch.administrator()
    try connection.execute("SELECT weighbridge.ensure_month('2026-01-01T00:00Z')")
    for round in 0..<6 {
      let tenant = "t\(round)"
      let committed = LockedTotal()
      let threads = (0..<6).map { writer in
        let thread = JoinableThread {
          let session = try scratch.service()
          for number in 0..<10_000 {
            do {
              try session.execute(
                """
                INSERT INTO weighbridge.usage_hourly AS present VALUES ($1, '2026-01-05T00:00Z',
                  'traffic', $2, 'other', '', 1, 1, 1, 1, 1, 1)
                ON CONFLICT (tenant, hour, kind, operation, context_type, context)
                DO UPDATE SET records = present.records + 1
                """, [tenant, "op\((number + writer) % 3)"])
              committed.add(1)
            } catch let error as PostgresError where error.sqlState == "WB001" {
              return
            } catch let error as PostgresError where error.isRetryable {
              continue
            }
          }
          Issue.record("a writer was never refused")
        }
        thread.start()
        return thread
      }
      while committed.value < 20 { usleep(100) }
      try connection.execute(
        """
        SELECT weighbridge.finalize_period(
          $1, '2026-01', '2026-01-01T00:00Z', '2026-02-01T00:00Z', now(), 'x', 0, 0)
        """, [tenant])
      for thread in threads { try thread.join() }
      let sums = try connection.execute(
        """
        SELECT (SELECT records FROM weighbridge.billing_periods
                WHERE tenant = $1 AND state = 'finalized'),
          (SELECT sum(records) FROM weighbridge.usage_hourly WHERE tenant = $1)
        """, [tenant])
      #expect(try sums.integer(0, 0) == committed.value)
      #expect(try sums.integer(0, 1) == committed.value)
    }
  }
}
