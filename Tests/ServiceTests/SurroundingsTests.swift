import Client
import EventLoop
import Foundation
import Metering
import Postgres
import Server
import Testing
import Wire

@Suite("Unusual surroundings of the service", .serialized)
struct SurroundingsTests {
  @Test("IPv6, and datagrams of 60 KB", .timeLimit(.minutes(2)))
  func takesLargeDatagramsOverIPv6() throws {
    let service = ServiceProcess(database: try ScratchDatabase())
    service.set("--ingest-udp", "[::1]:0")
    service.set("--ingest-tcp", "[::1]:0")
    try service.start()
    let address = try #require(SocketAddress(service.udp))
    let sender = try UsageSender(
      options: SenderOptions(
        server: address, source: SourceIdentity(name: "six", epoch: 1), frameLimit: 60_000))
    var rest = (0..<20_000).map { UsageSource.record($0) }[...]
    let summary = try sender.send(records: { () throws(InputFailure) in rest.popFirst() })
    #expect(summary.verdicts[.accepted] == 20_000)
    #expect(summary.batchesAcked < 20)
    let again = try UsageSource.send(
      (0..<1_000).map { UsageSource.record($0) }, to: service.tcp, transport: .tcp)
    #expect(again.verdicts[.duplicate] == 1_000)
    try service.flush()
    #expect(try service.verify().status == 0)
  }

  @Test("an ack waits for the commit delay", .timeLimit(.minutes(2)))
  func waitsForTheCommitDelay() throws {
    let service = ServiceProcess(["--log-commit-delay", "700ms"], database: try ScratchDatabase())
    // A flush syncs what it covers, and so does a closed hour.
    service.set("--flush-interval", "5m")
    try service.start()
    var longest: Int64 = 0
    for number in 0..<3 {
      let started = EventLoop.monotonicMilliseconds()
      let summary = try UsageSource.send(
        [UsageSource.record(number)], to: service.udp, source: "delayed-\(number)")
      #expect(summary.verdicts[.accepted] == 1)
      longest = max(longest, EventLoop.monotonicMilliseconds() - started)
    }
    // The delay begins with the iteration of the loop, which is before the batch is read.
    #expect(longest >= 350)
  }

  @Test("a slow Postgres delays the flush and nothing else", .timeLimit(.minutes(2)))
  func outlastsSlowPostgres() throws {
    let database = try ScratchDatabase()
    let service = ServiceProcess(database: database)
    try service.start()
    _ = try UsageSource.send([UsageSource.record(0)], to: service.udp, source: "first")
    try service.flush()
    let blocker = try database.administrator()
    try blocker.execute("BEGIN")
    try blocker.execute("LOCK TABLE weighbridge.usage_hourly IN ACCESS EXCLUSIVE MODE")
    let summary = try UsageSource.send(
      (1..<2_000).map { UsageSource.record($0) }, to: service.udp, source: "second")
    #expect(summary.verdicts[.accepted] == 1_999)
    let status = try service.status()
    #expect(status.isReady)
    #expect(status.flush.unflushedEntries > 1_999)
    let concern = "Postgres is slow: a flush has not ended for "
    try service.wait("the concern") {
      try service.status().concerns.contains { $0.hasPrefix(concern) }
    }
    #expect(try service.status().isReady)
    try blocker.execute("COMMIT")
    try service.flush()
    #expect(try service.status().concerns.isEmpty)
    #expect(try database.totals().records == 2_000)
    #expect(try service.verify().status == 0)
  }

  @Test("a data directory restored to an earlier time is refused", .timeLimit(.minutes(2)))
  func refusesRestoredDirectory() throws {
    let service = ServiceProcess(database: try ScratchDatabase())
    try service.start()
    _ = try UsageSource.send([UsageSource.record(1)], to: service.udp, source: "one")
    #expect(try service.stop() == 0)
    let live = "\(service.data)/partitions"
    let copy = "\(service.data).copy"
    try FileManager.default.copyItem(atPath: live, toPath: copy)
    try service.start()
    _ = try UsageSource.send([UsageSource.record(2)], to: service.udp, source: "two")
    #expect(try service.stop() == 0)
    try FileManager.default.removeItem(atPath: live)
    try FileManager.default.moveItem(atPath: copy, toPath: live)
    try service.launch()
    #expect(try service.exitStatus() == 1)
    #expect(service.log.contains("restored to an earlier time"), "\(service.log)")
  }

  @Test("a damaged segment stops the start and names the place", .timeLimit(.minutes(2)))
  func refusesDamagedSegment() throws {
    let service = ServiceProcess(database: try ScratchDatabase())
    try service.start()
    _ = try UsageSource.send(
      (0..<500).map { UsageSource.record($0) }, to: service.udp, source: "one")
    #expect(try service.stop() == 0)
    let path = "\(service.data)/partitions/00000/segments/00000000000000000001.wbs"
    var bytes = try Data(contentsOf: URL(fileURLWithPath: path))
    bytes[400] ^= 0x10
    try bytes.write(to: URL(fileURLWithPath: path))
    try service.launch()
    #expect(try service.exitStatus() == 1)
    #expect(service.log.contains("segment 1"), "\(service.log)")
    #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == bytes)
  }
}
