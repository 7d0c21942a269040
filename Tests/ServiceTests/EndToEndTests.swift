import Client
import Foundation
import Metering
import Postgres
import Server
import Testing
import Wire

@Suite("The service, end to end", .serialized)
struct EndToEndTests {
  @Test("usage over UDP and TCP is counted once, flushed and verified", .timeLimit(.minutes(3)))
  func countsOnce() throws {
    let database = try ScratchDatabase()
    let service = ServiceProcess(database: database)
    try service.start()
    let records = (0..<5_000).map { UsageSource.record($0) }
    let first = try UsageSource.send(records, to: service.udp, source: "udp")
    #expect(first.verdicts[.accepted] == 5_000)
    let again = try UsageSource.send(records, to: service.tcp, transport: .tcp, source: "tcp")
    #expect(again.verdicts[.duplicate] == 5_000)
    var other = records
    for index in other.indices { other[index].quantity += 1 }
    let conflicting = try UsageSource.send(other, to: service.udp, source: "other")
    #expect(conflicting.verdicts[.conflict] == 5_000)
    try service.flush()
    let totals = try database.totals()
    #expect(totals.records == 5_000)
    #expect(totals.quantity == 5_000_000)
    let verified = try service.verify()
    #expect(verified.status == 0, "\(verified)")
    #expect(try service.stop() == 0)
  }

  @Test("a stopped service goes on where it was", .timeLimit(.minutes(3)))
  func restarts() throws {
    let database = try ScratchDatabase()
    let service = ServiceProcess(database: database)
    let records = (0..<2_000).map { UsageSource.record($0) }
    try service.start()
    _ = try UsageSource.send(records, to: service.udp)
    #expect(try service.stop() == 0)
    try service.start()
    let again = try UsageSource.send(records, to: service.udp)
    #expect(again.verdicts[.duplicate] == 2_000)
    try service.flush()
    #expect(try database.totals().records == 2_000)
    #expect(try service.verify().status == 0)
  }

  @Test("kill -9 under load loses nothing that was acked", .timeLimit(.minutes(10)))
  func survivesKills() throws {
    let database = try ScratchDatabase()
    let service = ServiceProcess(database: database)
    var acked: Set<Int> = []
    var next = 0
    for round in 0..<6 {
      try service.start()
      let load = try LoadInBackground(
        server: service.udp, firstNumber: next, source: "load-\(round)")
      usleep(UInt32(150_000 + round * 70_000))
      service.kill()
      let result = load.finish()
      acked.formUnion(next..<next + Int(result.ackedRecords))
      next += result.numbersUsed
      #expect(result.ackedRecords > 0, "round \(round)")
    }
    try service.start()
    try service.flush()
    let totals = try database.totals()
    #expect(totals.records >= Int64(acked.count))
    #expect(totals.records <= Int64(next))
    // Every acked record is there: a retry with its key is no news.
    let retries = acked.sorted().prefix(20_000).map {
      UsageSource.record($0, time: LoadInBackground.time)
    }
    let summary = try UsageSource.send(retries, to: service.udp, source: "retry")
    #expect(summary.verdicts[.duplicate] == UInt64(retries.count))
    try service.flush()
    let verified = try service.verify()
    #expect(verified.status == 0, "\(verified)")
  }

  @Test("Postgres may go away and come back", .timeLimit(.minutes(5)))
  func survivesPostgres() throws {
    let database = try ScratchDatabase()
    let service = ServiceProcess(database: database)
    try service.start()
    let records = (0..<3_000).map { UsageSource.record($0) }
    _ = try UsageSource.send(Array(records[..<1_000]), to: service.udp, source: "one")
    let gate = try DatabaseGate(database)
    try gate.close()
    let during = try UsageSource.send(Array(records[1_000...]), to: service.udp, source: "two")
    #expect(during.verdicts[.accepted] == 2_000)
    try service.wait("failing flushes") { try service.status().flush.failures > 0 }
    #expect(try service.status().isReady)
    try gate.open()
    try service.flush()
    #expect(try database.totals().records == 3_000)
    #expect(try service.verify().status == 0)
  }

  @Test("late usage of a finalized period is an adjustment", .timeLimit(.minutes(3)))
  func booksLateUsage() throws {
    let database = try ScratchDatabase()
    let service = ServiceProcess(database: database)
    try service.start()
    let now = Timestamp(milliseconds: UsageSource.now())
    let month = BillingPeriod(containing: now)
    let last = try #require(month.previous)
    let time = last.end.milliseconds - 3_600_000
    try #require(now.milliseconds - time < 34 * 86_400_000)
    _ = try UsageSource.send(
      [UsageSource.record(1, time: time, tenant: "acme")], to: service.udp, source: "one")
    let refused = try service.ask(
      ControlRequest(.finalize, period: month.text, tenant: "acme", operatorName: "test"))
    #expect(refused.finalized?.first?.refusal?.contains("is not over") == true)
    let done = try service.ask(
      ControlRequest(.finalize, period: last.text, tenant: "acme", operatorName: "test"))
    #expect(done.finalized?.map(\.tenant) == ["acme"])
    #expect(done.finalized?.first?.refusal == nil)
    let late = try UsageSource.send(
      [UsageSource.record(2, time: time, tenant: "acme", quantity: 77)], to: service.udp,
      source: "two")
    #expect(late.verdicts[.late] == 1)
    try service.flush()
    let rows = try database.administrator().execute(
      "SELECT quantity::bigint FROM weighbridge.usage_adjustments")
    #expect(rows.count == 1)
    #expect(try rows.integer(0, 0, as: Int64.self) == 77)
    #expect(throws: (any Error).self) {
      try database.administrator().execute(
        "UPDATE weighbridge.usage_hourly SET quantity = quantity + 1")
    }
    #expect(try service.verify().status == 0)
  }

  @Test("SIGTERM during load leaves nothing behind", .timeLimit(.minutes(3)))
  func drains() throws {
    let database = try ScratchDatabase()
    let service = ServiceProcess(database: database)
    try service.start()
    let load = try LoadInBackground(server: service.udp, firstNumber: 0, source: "load")
    usleep(300_000)
    #expect(try service.stop() == 0)
    let result = load.finish()
    #expect(result.ackedRecords > 0)
    #expect(try database.totals().records >= result.ackedRecords)
  }
}
