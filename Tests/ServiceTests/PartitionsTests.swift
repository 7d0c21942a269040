import Client
import Foundation
import Metering
import Postgres
import Server
import Testing
import Wire

@Suite("Several loops and partitions", .serialized)
struct PartitionsTests {
  private static func service(
    _ database: ScratchDatabase, loops: Int, partitions: Int
  ) -> ServiceProcess {
    ServiceProcess(
      ["--ingest-loops", "\(loops)", "--ingest-partitions", "\(partitions)"], database: database)
  }

  /// Records with every verdict but late.
  private static let records: [UsageRecord] = {
    let now = UsageSource.now()
    var records: [UsageRecord] = []
    for number in 0..<4_000 {
      let kind = UsageKind.allCases[number % 3]
      var record = UsageSource.record(
        number, time: now - Int64(number % 50) * 3_600_000, kind: kind,
        tenant: "tenant-\(number % 31)",
        quantity: kind == .storage && number % 2 == 0 ? Int64(-number) : Int64(number))
      if number % 13 == 12 { record.key = .text("key \(number)") }
      if number % 97 == 0 { record.time.milliseconds -= 60 * 86_400_000 }
      if number % 11 == 10, number >= 700 {
        record = records[number - 700]
        if number % 2 == 0 { record.quantity += 1 }
      }
      records.append(record)
    }
    return records
  }()

  /// What one input comes to.
  private struct Outcome: Equatable {
    var verdicts: [Verdict: UInt64] = [:]
    var status: [String: UInt64] = [:]
    var rows: [String] = []
  }

  private static func outcome(
    _ service: ServiceProcess, _ database: ScratchDatabase
  ) throws -> Outcome {
    var outcome = Outcome()
    // Each source has a socket of its own, and so maybe another loop.
    for source in 0..<8 {
      let part = Array(records[source * 500..<source * 500 + 500])
      let sent = try UsageSource.send(
        part, to: source % 2 == 0 ? service.udp : service.tcp,
        transport: source % 2 == 0 ? .udp : .tcp, source: "source-\(source)")
      for verdict in Verdict.allCases {
        outcome.verdicts[verdict, default: 0] += sent.verdicts[verdict] ?? 0
      }
    }
    try service.flush()
    outcome.status = try service.status().verdicts.records
    let rows = try database.administrator().execute(
      """
      SELECT concat_ws('|', tenant, extract(epoch FROM hour), kind, operation, context_type,
        context, records, quantity, weighted, byte_milliseconds)
      FROM weighbridge.usage_hourly ORDER BY 1
      """)
    outcome.rows = (0..<rows.count).map { rows.text($0, 0) }
    return outcome
  }

  @Test("the same input comes to the same with 1, 4 and 8 of them", .timeLimit(.minutes(5)))
  func countsAlike() throws {
    let database = try ScratchDatabase()
    let single = ServiceProcess(database: database)
    try single.start()
    let expected = try Self.outcome(single, database)
    #expect(try single.stop() == 0)
    for verdict in Verdict.allCases where verdict != .late {
      #expect(expected.verdicts[verdict, default: 0] > 0, "\(verdict): \(expected.verdicts)")
    }
    for count in [4, 8] {
      let database = try ScratchDatabase()
      let service = Self.service(database, loops: count, partitions: count)
      try service.start()
      let outcome = try Self.outcome(service, database)
      #expect(outcome.verdicts == expected.verdicts)
      #expect(outcome.status == expected.status)
      #expect(outcome.rows == expected.rows)
      let verified = try service.verify()
      #expect(verified.status == 0, "\(verified)")
      #expect(try service.stop() == 0)
    }
  }

  @Test("a restart goes on, and another number is refused", .timeLimit(.minutes(5)))
  func restarts() throws {
    let database = try ScratchDatabase()
    let service = Self.service(database, loops: 2, partitions: 3)
    try service.start()
    let sent = try UsageSource.send(Self.records, to: service.udp, epoch: 7)
    try service.flush()
    let status = try service.status()
    #expect(status.partitions.map(\.number) == [0, 1, 2])
    #expect(status.partitions.allSatisfy { $0.keys > 0 && $0.unflushedRows == 0 })
    #expect(status.log.position == status.partitions.reduce(0) { $0 + $1.position })
    #expect(status.dedup.keys == status.partitions.reduce(0) { $0 + $1.keys })
    #expect(status.verdicts.batches == sent.batchesAcked)
    #expect(status.sources.known == 1 && status.sources.withGaps == 0)
    #expect(status.hours.flushedThrough != nil)
    let text = try service.run(["status", "--data-directory", service.data])
    #expect(text.output.contains("part 2"), "\(text)")
    let check = try service.run(["segments", "check", "--data-directory", service.data])
    #expect(check.status == 0 && check.output.contains("partition 2: 1 segment"), "\(check)")
    let list = try service.run(["segments", "list", "--data-directory", service.data])
    #expect(list.output.contains("3 segments"), "\(list)")
    #expect(try service.stop() == 0)

    try service.start()
    let resent = try UsageSource.send(Self.records, to: service.udp, epoch: 7)
    #expect(resent.verdicts == sent.verdicts)
    let again = try UsageSource.send(Self.records, to: service.tcp, transport: .tcp, epoch: 8)
    #expect(again.verdicts[.accepted] == 0)
    try service.flush()
    #expect(try database.totals().records == Int64(sent.verdicts[.accepted] ?? 0))
    #expect(try service.verify().status == 0)
    #expect(try service.stop() == 0)

    service.set("--ingest-partitions", "2")
    try service.launch()
    #expect(try service.exitStatus() == 1)
    #expect(
      service.log.contains("created with ingest.partitions 3, and the configuration says 2"),
      "\(service.log)")
  }

  @Test("a difference is found in whichever partition it is", .timeLimit(.minutes(3)))
  func verifiesEveryPartition() throws {
    let database = try ScratchDatabase()
    let service = Self.service(database, loops: 1, partitions: 4)
    try service.start()
    _ = try UsageSource.send(Self.records, to: service.udp)
    try service.flush()
    let administrator = try database.administrator()
    for tenant in ["tenant-1", "tenant-2", "tenant-5"] {
      try administrator.execute(
        "UPDATE weighbridge.usage_hourly SET quantity = quantity + 1 WHERE tenant = $1", [tenant])
      let verified = try service.verify()
      #expect(verified.status == 1)
      #expect(verified.output.contains("(\(tenant), "), "\(verified)")
      try administrator.execute(
        "UPDATE weighbridge.usage_hourly SET quantity = quantity - 1 WHERE tenant = $1", [tenant])
    }
    #expect(try service.verify().status == 0)
    #expect(try service.stop() == 0)
  }

  @Test("kill -9 under load loses nothing that was acked", .timeLimit(.minutes(10)))
  func survivesKills() throws {
    let database = try ScratchDatabase()
    let service = Self.service(database, loops: 4, partitions: 4)
    var acked: Set<Int> = []
    var next = 0
    for round in 0..<3 {
      try service.start()
      let loads = try (0..<3).map { load in
        try LoadInBackground(
          server: service.udp, firstNumber: next + load * 1_000_000, source: "load-\(load)")
      }
      usleep(UInt32(200_000 + round * 90_000))
      service.kill()
      for (load, result) in loads.map({ $0.finish() }).enumerated() {
        let first = next + load * 1_000_000
        acked.formUnion(first..<first + Int(result.ackedRecords))
      }
      next += 10_000_000
    }
    #expect(acked.count > 0)
    try service.start()
    try service.flush()
    #expect(try database.totals().records >= Int64(acked.count))
    let retries = acked.sorted().prefix(20_000).map {
      UsageSource.record($0, time: LoadInBackground.time)
    }
    let summary = try UsageSource.send(retries, to: service.udp, source: "retry")
    #expect(summary.verdicts[.duplicate] == UInt64(retries.count))
    try service.flush()
    let verified = try service.verify()
    #expect(verified.status == 0, "\(verified)")
    #expect(try service.stop() == 0)
  }

  @Test("SIGTERM during load leaves nothing behind", .timeLimit(.minutes(3)))
  func drains() throws {
    let database = try ScratchDatabase()
    let service = Self.service(database, loops: 4, partitions: 4)
    try service.start()
    let loads = try (0..<3).map {
      try LoadInBackground(
        server: service.udp, firstNumber: $0 * 1_000_000, source: "load-\($0)")
    }
    usleep(300_000)
    #expect(try service.stop() == 0)
    #expect(service.log.contains(" stopped"), "\(service.log)")
    let acked = loads.map { $0.finish().ackedRecords }
    #expect(acked.allSatisfy { $0 > 0 })
    #expect(try database.totals().records >= acked.reduce(0, +))
  }

  @Test("a month is finalized in all of them", .timeLimit(.minutes(3)))
  func finalizes() throws {
    let database = try ScratchDatabase()
    let service = Self.service(database, loops: 2, partitions: 4)
    try service.start()
    let now = Timestamp(milliseconds: UsageSource.now())
    let month = try #require(BillingPeriod(containing: now).previous)
    let time = month.end.milliseconds - 3_600_000
    try #require(now.milliseconds - time < 34 * 86_400_000)
    let tenants = (0..<9).map { "tenant-\($0)" }
    let records = tenants.enumerated().map {
      UsageSource.record($0.offset, time: time, tenant: $0.element)
    }
    _ = try UsageSource.send(records, to: service.udp, source: "one")
    let unknown = try service.ask(
      ControlRequest(.finalize, period: month.text, tenant: "nobody", operatorName: "test"))
    #expect(unknown.finalized?.map(\.tenant) == ["nobody"])
    #expect(unknown.finalized?.first?.refusal?.contains("no usage") == true)
    let one = try service.ask(
      ControlRequest(.finalize, period: month.text, tenant: "tenant-4", operatorName: "test"))
    #expect(one.finalized?.map(\.tenant) == ["tenant-4"] && one.finalized?[0].refusal == nil)
    let all = try service.ask(
      ControlRequest(.finalize, period: month.text, operatorName: "test"))
    #expect(all.finalized?.map(\.tenant) == tenants.filter { $0 != "tenant-4" })
    #expect(all.finalized?.allSatisfy { $0.refusal == nil } == true)
    let rows = try database.administrator().execute(
      """
      SELECT count(*), count(DISTINCT log_partition) FROM weighbridge.billing_periods
      WHERE state = 'finalized'
      """)
    #expect(try rows.integer(0, 0) == 9)
    #expect(try rows.integer(0, 1) > 1)
    let late = try UsageSource.send(
      tenants.enumerated().map {
        UsageSource.record(100 + $0.offset, time: time, tenant: $0.element)
      }, to: service.udp, source: "two")
    #expect(late.verdicts[.late] == 9)
    try service.flush()
    #expect(try service.verify().status == 0)
    #expect(try service.stop() == 0)
  }
}
