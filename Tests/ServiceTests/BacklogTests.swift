import Client
import Server
import Testing
import Wire

@Suite("Rows that wait for Postgres")
struct BacklogTests {
  @Test(
    "the status says that they are too many, and that they are not any more",
    .timeLimit(.minutes(5)))
  func statusTellsTheBacklog() throws {
    let database = try ScratchDatabase()
    let service = ServiceProcess(["--flush-maximum-rows", "1000"], database: database)
    try service.start()
    let gate = try DatabaseGate(database)
    try gate.close()
    // A row for each record: a batch is refused only where it would pass the limit.
    let records = (0..<1_000).map { UsageSource.record($0, tenant: "tenant-\($0)") }
    for (source, part) in [records[..<980], records[980...]].enumerated() {
      let sent = try UsageSource.send(Array(part), to: service.udp, source: "source-\(source)")
      #expect(sent.verdicts[.accepted] == UInt64(part.count))
    }
    let status = try service.status()
    #expect(!status.isReady && status.concerns.contains("usage is refused: flush_backlog"))
    try gate.open()
    try service.wait("flushed") { try service.status().isReady }
    #expect(try service.verify().status == 0)
  }
}
