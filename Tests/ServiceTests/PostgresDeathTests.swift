import Foundation
import Server
import Testing

@Suite("Postgres is killed under load", .serialized)
struct PostgresDeathTests {
  @Test(
    "what was acked before, while it was gone and after is counted once",
    .timeLimit(.minutes(10)))
  func survivesKilledPostgres() throws {
    let postgres = try MortalCluster()
    let database = try ScratchDatabase(in: postgres.cluster)
    let service = ServiceProcess(database: database)
    service.set("--flush-interval", "100ms")
    // The load goes on for as long as Postgres takes to come back.
    service.set("--dedup-maximum-keys", "64000000")
    try service.start()
    let load = try LoadInBackground(
      server: service.udp, firstNumber: 0, source: "load", patience: 120_000)
    for round in 0..<3 {
      let committed = try service.status().flush.committed
      try service.wait("flushing") { try service.status().flush.committed > committed + 2 }
      // Not always at the same point of a flush.
      usleep(UInt32(round * 37_000))
      try postgres.kill()
      try service.wait("failing flushes") { try service.status().flush.failures > 0 }
      let gone = try service.status()
      #expect(gone.isReady, "round \(round): \(gone.concerns)")
      try service.wait("taking usage without Postgres") {
        let status = try service.status()
        return status.verdicts.batches > gone.verdicts.batches + 10
          && status.flush.committed == gone.flush.committed
      }
      try postgres.start()
      try service.wait("flushing again", seconds: 120) {
        try service.status().flush.committed > gone.flush.committed
      }
    }
    let result = load.finish()
    #expect(result.ackedRecords > 0)
    #expect(result.ackedRecords == Int64(result.numbersUsed))
    try service.flush()
    let totals = try database.totals()
    #expect(totals.records == result.ackedRecords)
    #expect(totals.quantity == 1_000 * result.ackedRecords)
    let verified = try service.verify()
    #expect(verified.status == 0, "\(verified)")
    #expect(try service.stop() == 0)
  }
}
