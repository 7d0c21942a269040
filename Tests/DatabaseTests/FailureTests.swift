import Foundation
import Metering
import Postgres
import SegmentLog
import Testing
import Wire

@testable import Database

@Suite("Failures of the server")
struct FailureTests {
  @Test("a server that takes no writes is named as such")
  func readOnly() throws {
    let scratch = try ScratchDatabase()
    try scratch.administrator().execute(
      "ALTER DATABASE \(scratch.name) SET default_transaction_read_only = on")
    let database = try scratch.rollups()
    var maker = BatchMaker()
    let batch = maker.next(rollups: [increment("a", Months.january.firstHour)])
    let error = #expect(throws: DatabaseError.self) { try database.flush(batch) }
    guard case .readOnly = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(try database.checkpoint(partition: 0) == nil)
  }

  /// The session waits for a lock in the middle of its transaction when it is ended.
  @Test("a session ended in the middle of a flush leaves nothing; a new one repeats it")
  func terminated() throws {
    let scratch = try ScratchDatabase()
    var maker = BatchMaker()
    let batch = maker.next(rollups: [increment("a", Months.january.firstHour)])
    let blocker = try scratch.administrator()
    try blocker.execute("BEGIN")
    try blocker.execute("LOCK TABLE weighbridge.usage_hourly")
    let flusher = JoinableThread {
      let database = try scratch.rollups()
      let error = #expect(throws: DatabaseError.self) { try database.flush(batch) }
      #expect(error?.isConnectionLost == true)
      if case .outcomeUnknown = error { Issue.record("COMMIT was never sent") }
      #expect(!database.isOpen)
    }
    flusher.start()
    let observer = try scratch.administrator()
    var ended = 0
    while ended == 0 {
      ended =
        try observer.execute(
          """
          SELECT pg_terminate_backend(pid) FROM pg_stat_activity
          WHERE datname = current_database() AND wait_event_type = 'Lock'
          """
        ).count
    }
    try flusher.join()
    try blocker.execute("ROLLBACK")
    let database = try scratch.rollups()
    #expect(try database.checkpoint(partition: 0) == nil)
    #expect(try database.flush(batch) == .committed(flush: 1))
  }

  /// A deferred trigger holds the COMMIT up, so that the session can be ended inside it.
  @Test("a session ended in its COMMIT leaves the outcome open")
  func outcomeUnknown() throws {
    let scratch = try ScratchDatabase()
    let observer = try scratch.administrator()
    try observer.run(
      script: """
        CREATE FUNCTION public.hold() RETURNS trigger LANGUAGE plpgsql AS
          'BEGIN PERFORM pg_sleep(3600); RETURN NULL; END';
        CREATE CONSTRAINT TRIGGER hold AFTER INSERT ON weighbridge.flushes
          DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.hold();
        """)
    var maker = BatchMaker()
    let batch = maker.next(rollups: [increment("a", Months.january.firstHour)])
    let flusher = JoinableThread {
      let database = try scratch.rollups()
      let error = #expect(throws: DatabaseError.self) { try database.flush(batch) }
      guard case .outcomeUnknown = error else {
        Issue.record("\(String(describing: error))")
        return
      }
      #expect(error?.isConnectionLost == true)
    }
    flusher.start()
    var ended = 0
    while ended == 0 {
      ended =
        try observer.execute(
          """
          SELECT pg_terminate_backend(pid) FROM pg_stat_activity
          WHERE datname = current_database() AND wait_event = 'PgSleep'
          """
        ).count
    }
    try flusher.join()
    try observer.execute("DROP TRIGGER hold ON weighbridge.flushes")
    #expect(try scratch.rollups().flush(batch) == .committed(flush: 1))
  }

  @Test("flushers of several partitions at the same time all get through, ids in order")
  func partitions() throws {
    let scratch = try ScratchDatabase()
    let threads = (0..<4).map { partition in
      let thread = JoinableThread {
        let database = try scratch.rollups()
        var maker = BatchMaker(partition: UInt16(partition))
        for number in 0..<15 {
          let month = BillingPeriod(month: 672 + Int32(number % 4))
          let batch = maker.next(rollups: [
            increment("a", month.firstHour), increment("b", month.firstHour),
          ])
          var outcome: FlushOutcome?
          while outcome == nil {
            do throws(DatabaseError) {
              outcome = try database.flush(batch)
            } catch {
              guard error.isRetryable else { throw error }
            }
          }
        }
      }
      thread.start()
      return thread
    }
    for thread in threads { try thread.join() }
    let rows = try scratch.administrator().execute(
      """
      SELECT (SELECT count(*) FROM weighbridge.flushes),
        (SELECT max(flush_id) FROM weighbridge.flushes),
        (SELECT sum(records) FROM weighbridge.usage_hourly)
      """)
    #expect((0..<3).map { rows.text(0, $0) } == ["60", "60", "120"])
  }
}
