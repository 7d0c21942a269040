import Foundation
import Metering
import Postgres
import SeededRandom
import SegmentLog
import Testing
import Wire

@testable import Database

/// What whoever invoices from the tables relies on.
@Suite("Consumers")
struct ConsumerTests {
  private func hours(_ connection: PostgresConnection) throws -> [String] {
    let rows = try connection.execute(
      """
      SELECT tenant, (extract(epoch FROM hour) / 3600)::integer
      FROM weighbridge.closed_usage_hourly ORDER BY hour, tenant
      """)
    return (0..<rows.count).map { "\(rows.text($0, 0)) \(rows.text($0, 1))" }
  }

  @Test("an hour is closed when every partition has closed it or a later one")
  func closed() throws {
    let scratch = try ScratchDatabase()
    let database = try scratch.rollups()
    let reader = try scratch.reader()
    var (zero, one) = (BatchMaker(partition: 0), BatchMaker(partition: 1))
    let first = Months.january.firstHour
    let second = Hour(index: first.index + 1)
    let third = Hour(index: first.index + 2)
    #expect(try reader.execute("SELECT weighbridge.closed_until()").text(0, 0) == "-infinity")
    _ = try database.flush(
      zero.next(
        rollups: [increment("a", first), increment("a", second), increment("a", third)]))
    _ = try database.flush(one.next(rollups: [increment("b", first)]))
    #expect(try hours(reader).isEmpty)
    // What one partition closes is open while another has closed nothing.
    _ = try database.flush(zero.next(closedHours: [first, second, third]))
    #expect(try hours(reader).isEmpty)
    // A new log begins to close with the present hour: what is before is closed.
    _ = try database.flush(one.next(closedHours: [second]))
    #expect(try hours(reader) == ["a \(first.index)", "b \(first.index)", "a \(second.index)"])
    _ = try database.flush(one.next(closedHours: [third]))
    #expect(try hours(reader).count == 4)
    // As earlier flushes left it.
    let until = try reader.execute(
      """
      SELECT flush_id, extract(epoch FROM weighbridge.closed_until(flush_id)) / 3600
      FROM weighbridge.flushes ORDER BY flush_id
      """)
    #expect((0..<3).allSatisfy { until.text($0, 1) == "-Infinity" })
    #expect(until.text(3, 1).hasPrefix("\(third.index)."))
    #expect(until.text(4, 1).hasPrefix("\(third.index + 1)."))
  }

  /// A consumer that keeps a copy of the closed rows by the documented incremental read.
  private struct Copy {
    var lastFlush: Int64 = 0
    var rows: [String: String] = [:]
    var adjustments: [String: String] = [:]
    var replaced = 0

    /// One poll, in one snapshot.
    mutating func poll(_ connection: PostgresConnection) throws {
      try connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
      let latest = try connection.execute(
        "SELECT coalesce(max(flush_id), 0) FROM weighbridge.flushes")
      let changed = try connection.execute(
        """
        SELECT concat_ws('|', tenant, hour, kind, operation, context_type, context),
          concat_ws('|', records, quantity, weighted, byte_milliseconds, digest, flush_id)
        FROM weighbridge.closed_usage_since($1)
        """, [String(lastFlush)])
      for row in 0..<changed.count {
        replaced += 1
        rows[changed.text(row, 0)] = changed.text(row, 1)
      }
      let booked = try connection.execute(
        """
        SELECT concat_ws('|', tenant, booking_period, origin_hour, operation), records
        FROM weighbridge.usage_adjustments WHERE flush_id > $1
        """, [String(lastFlush)])
      for row in 0..<booked.count { adjustments[booked.text(row, 0)] = booked.text(row, 1) }
      lastFlush = try latest.integer(0, 0)
      let everything = try connection.execute(
        """
        SELECT concat_ws('|', tenant, hour, kind, operation, context_type, context),
          concat_ws('|', records, quantity, weighted, byte_milliseconds, digest, flush_id)
        FROM weighbridge.closed_usage_hourly
        """)
      try connection.execute("COMMIT")
      var expected: [String: String] = [:]
      for row in 0..<everything.count {
        expected[everything.text(row, 0)] = everything.text(row, 1)
      }
      #expect(rows == expected, "after flush \(lastFlush)")
    }
  }

  @Test("a reader that polls while partitions flush misses nothing and takes nothing twice")
  func incrementalRead() throws {
    let scratch = try ScratchDatabase()
    let flushers = 4
    let flushes = 40
    let running = LockedTotal()
    running.add(flushers)
    let threads = (0..<flushers).map { partition in
      let thread = JoinableThread {
        defer { running.add(-1) }
        let database = try scratch.rollups()
        var maker = BatchMaker(partition: UInt16(partition))
        var random = SplitMix64(seed: UInt64(partition + 1))
        let start = Months.january.lastHour.index - Int32(flushes) / 2
        for number in 0..<Int32(flushes) {
          // Usage of open hours, and some of hours that are closed: they change, too.
          var rollups: [Hour: RollupIncrement] = [:]
          for _ in 0..<5 {
            let hour = Hour(index: start + number - Int32(random.next() % 6))
            rollups[hour] = increment("t\(partition)", hour, quantity: Int128(random.next() % 9))
          }
          let origin = Hour(index: Months.january.firstHour.index - number % 2)
          let batch = maker.next(
            rollups: rollups.values.sorted { $0.hour < $1.hour },
            adjustments: [late("t\(partition)", origin, bookedIn: Months.february)],
            closedHours: number % 3 == 0 ? [Hour(index: start + number - 3)] : [])
          while true {
            do throws(DatabaseError) {
              _ = try database.flush(batch)
              break
            } catch {
              guard error.isRetryable else { throw error }
            }
          }
        }
      }
      thread.start()
      return thread
    }
    let reader = try scratch.reader()
    var copy = Copy()
    var polls = 0
    while running.value > 0 {
      try copy.poll(reader)
      polls += 1
    }
    for thread in threads { try thread.join() }
    try copy.poll(reader)
    #expect(copy.lastFlush == Int64(flushers * flushes))
    #expect(polls > 1 && copy.replaced > copy.rows.count, "the reader saw rows change")
    let records = try scratch.administrator().execute(
      "SELECT sum(records), count(*) FROM weighbridge.closed_usage_hourly")
    #expect(try records.integer(0, 1) == copy.rows.count)
    let copied = copy.rows.values.reduce(0) { $0 + (Int($1.split(separator: "|")[0]) ?? 0) }
    #expect(try records.integer(0, 0) == copied)
    let booked = try scratch.administrator().execute(
      "SELECT sum(records), count(*) FROM weighbridge.usage_adjustments")
    #expect(try booked.integer(0, 0) == flushers * flushes)
    #expect(try booked.integer(0, 1) == copy.adjustments.count)
    #expect(copy.adjustments.values.reduce(0) { $0 + (Int($1) ?? 0) } == flushers * flushes)
    // Nothing has changed since: nothing is read.
    #expect(
      try reader.execute(
        "SELECT * FROM weighbridge.closed_usage_since($1)", [String(copy.lastFlush)]
      ).count == 0)
  }

  @Test("messages have the documented fields, once each, and only what was committed is told")
  func messages() throws {
    let scratch = try ScratchDatabase()
    let database = try scratch.rollups()
    let listener = try scratch.reader()
    for channel in ["flush", "close", "finalize"] {
      try listener.listen(to: "weighbridge_\(channel)")
    }
    var maker = BatchMaker(partition: 2)
    let hour = Months.january.firstHour
    var refused = maker
    var stale = refused.next(rollups: [increment("a", hour)], finalizing: [("z", Months.march)])
    stale.rollups[0].sums.count = .max
    stale.rollups.append(stale.rollups[0])
    #expect(throws: DatabaseError.self) { try database.flush(stale) }
    _ = try database.flush(
      maker.next(
        rollups: [increment("q\"\\", hour)],
        closedHours: [hour, Hour(index: hour.index + 1)],
        finalizing: [("q\"\\", Months.january), ("b", Months.january)]))
    var messages: [PostgresNotification] = []
    while messages.count < 4 {
      messages += try listener.notifications(waitingMilliseconds: 10_000)
    }
    func fields(_ place: Int) throws -> [String: String] {
      let payload = Data(messages[place].payload.utf8)
      let object = try #require(
        JSONSerialization.jsonObject(with: payload) as? [String: Any])
      return object.mapValues { "\($0)" }
    }
    #expect(
      messages.map(\.channel) == [
        "weighbridge_flush", "weighbridge_close", "weighbridge_finalize", "weighbridge_finalize",
      ])
    #expect(try fields(0) == ["flush": "1", "partition": "2", "rows": "1"])
    let closed = try fields(1)
    #expect(closed["flush"] == "1" && closed["partition"] == "2" && closed["hours"] == "2")
    #expect(Set(closed.keys) == ["flush", "partition", "hours", "first", "last"])
    let first = try Timestamp(rfc3339: #require(closed["first"]))
    let last = try Timestamp(rfc3339: #require(closed["last"]))
    #expect(first == hour.start && last == hour.end)
    #expect(try fields(2) == ["tenant": "q\"\\", "period": "2026-01"])
    #expect(try fields(3) == ["tenant": "b", "period": "2026-01"])
  }
}
