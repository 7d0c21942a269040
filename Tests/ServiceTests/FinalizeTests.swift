import Foundation
import Metering
import Postgres
import Testing
import Wire

@testable import Server

@Suite("The order to finalize")
struct FinalizeTests {
  private let database: ScratchDatabase
  private let service: ServiceProcess
  private let month: BillingPeriod

  init() throws {
    database = try ScratchDatabase()
    service = ServiceProcess(database: database)
    let now = Timestamp(milliseconds: UsageSource.now())
    month = try #require(BillingPeriod(containing: now).previous)
  }

  private var request: ControlRequest {
    ControlRequest(.finalize, period: month.text, tenant: "acme", operatorName: "test")
  }

  private var finalizedPeriods: Int {
    get throws {
      try database.administrator().execute(
        "SELECT 1 FROM weighbridge.billing_periods WHERE state = 'finalized'"
      ).count
    }
  }

  @Test("finalizes nothing once nobody waits for it any more", .timeLimit(.minutes(3)))
  func isGivenUpWithItsRequester() throws {
    try service.start()
    let blocker = try database.administrator()
    try blocker.execute("BEGIN")
    try blocker.execute("LOCK TABLE weighbridge.usage_hourly IN ACCESS EXCLUSIVE MODE")
    let record = UsageSource.record(
      1, time: month.end.milliseconds - 3_600_000, tenant: "acme")
    _ = try UsageSource.send([record], to: service.udp, source: "one")
    try abandon(request)
    try blocker.execute("COMMIT")
    // Answers after every order that came before it.
    try service.flush()
    try service.flush()
    #expect(service.log.contains("finalize given up"), "\(service.log)")
    #expect(try finalizedPeriods == 0)

    let answer = try service.ask(request)
    #expect(answer.finalized?.map(\.tenant) == ["acme"])
    #expect(answer.finalized?.first?.refusal == nil, "\(answer)")
    #expect(try finalizedPeriods == 1)
    #expect(try service.verify().status == 0)
    #expect(try service.stop() == 0)
  }

  /// Asks and goes, and returns once the service has seen both.
  private func abandon(_ request: ControlRequest) throws {
    let layout = try service.layout
    let stream = try RawStream(
      toSocket: layout.controlSocket(of: layout.readInstallation()))
    #expect(stream.send(ControlCoding.line(request)))
    stream.finish()
    // What came before the question was read before the answer to it.
    for _ in 0..<3 { _ = try service.status() }
  }
}
