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
}
