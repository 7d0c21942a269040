import Client
import Foundation
import Server
import Testing
import Wire

@Suite("The private Postgres of the service")
struct PrivatePostgresTests {
  @Test("is started again when it has died", .timeLimit(.minutes(5)))
  func isStartedAgain() throws {
    let service = ServiceProcess(database: nil)
    try service.start()
    for round in 0..<2 {
      try #require(service.privatePostgres).end()
      let records = (0..<100).map { UsageSource.record(round * 100 + $0) }
      let sent = try UsageSource.send(records, to: service.udp)
      #expect(sent.verdicts[.accepted] == 100)
      try service.wait("flushed", seconds: 200) {
        try service.status().flush.unflushedRows == 0
      }
    }
    #expect(service.log.contains("private Postgres runs again"), "\(service.log)")
    #expect(try service.status().concerns.isEmpty)
    let verified = try service.verify()
    #expect(verified.status == 0, "\(verified)")
    #expect(try service.stop() == 0)
    #expect(service.privatePostgres == nil)
  }

  @Test("commands say where it is, or why it is not there", .timeLimit(.minutes(5)))
  func isLookedUp() throws {
    let service = ServiceProcess(database: nil)
    service.set("--flush-interval", "1h")
    func rollups() throws -> ServiceProcess.Result {
      try service.run(["rollups", "--data-directory", service.data])
    }
    try service.start()
    #expect(try rollups().status == 0)
    try service.flush()
    try #require(service.privatePostgres).end()
    let ended = try rollups()
    #expect(ended.status == 1 && ended.errors.contains("starts it again"), "\(ended)")
    #expect(try service.stop() == 0)
    let stopped = try rollups()
    #expect(stopped.status == 1 && stopped.errors.contains("weighbridge serve"), "\(stopped)")
  }

  @Test("commands do not take it for the configured one", .timeLimit(.minutes(5)))
  func isNotTheConfiguredOne() throws {
    // Left running by a service that was killed, before the next start is given another Postgres.
    let service = ServiceProcess(database: nil)
    try service.start()
    service.kill()
    let database = try ScratchDatabase()
    service.set("--postgres-url", database.serviceURL)
    try service.start()
    let place = ["--data-directory", service.data]
    let lost = try service.run(["rollups"] + place)
    #expect(lost.status == 1 && lost.errors.contains("--postgres-url"), "\(lost)")
    #expect(!lost.errors.contains("weighbridge serve"), "\(lost)")
    #expect(try service.run(["rollups"] + place + service.databaseArguments).status == 0)
    #expect(try service.stop() == 0)
  }
}
