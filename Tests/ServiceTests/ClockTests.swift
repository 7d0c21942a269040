import Client
import Foundation
import Metering
import Server
import Testing
import Wire

@Suite("A clock that jumps under the service", .serialized)
struct ClockTests {
  /// A service under a lever.
  private static func service(_ lever: ClockLever) throws -> ServiceProcess {
    let service = ServiceProcess(database: try ScratchDatabase())
    service.environment = try lever.environment
    return service
  }

  /// Records whose times fit the service's clock.
  private static func records(_ numbers: Range<Int>, at time: Int64) -> [UsageRecord] {
    numbers.map { UsageSource.record($0, time: time) }
  }

  private static func waitUntilHeld(_ service: ServiceProcess) throws -> String {
    var concern: String?
    try service.wait("held by the clock") {
      concern = try? service.status().concerns.first { $0.contains("the clock is held") }
      return concern != nil
    }
    return try #require(concern)
  }

  private static func date(_ milliseconds: Int64) -> String {
    String(Timestamp(milliseconds: milliseconds).text.prefix(10))
  }

  @Test("a year ahead and back: usage waits, and nothing is lost", .timeLimit(.minutes(3)))
  func holdsAndGoesOn() throws {
    let lever = try ClockLever()
    let service = try Self.service(lever)
    try service.start()
    let before = Self.date(UsageSource.now())
    let load = try LoadInBackground(
      server: service.udp, firstNumber: 0, source: "load", patience: 60_000)
    try service.wait("taking usage") { try service.status().verdicts.batches > 100 }
    try lever.move(to: ClockLever.year)
    let concern = try Self.waitUntilHeld(service)
    let ahead = Self.date(lever.now)
    #expect(concern.contains(before) && concern.contains(ahead), "\(concern)")
    let shown = try service.run(["status", "--data-directory", service.data])
    #expect(shown.status == 1)
    #expect(shown.output.contains("NOT READY") && shown.output.contains(ahead), "\(shown)")
    try service.wait("a line in the log") { service.log.contains("the clock cannot be believed") }
    let line = service.log.split(separator: "\n").first { $0.contains("cannot be believed") }
    #expect(line?.contains(before) == true && line?.contains(ahead) == true, "\(service.log)")
    try service.wait("refusals") { try (service.status().verdicts.refused["clock_held"] ?? 0) > 0 }
    let judged = try service.status().verdicts.batches
    usleep(300_000)
    #expect(try service.status().verdicts.batches == judged)

    try lever.move(to: 0)
    try service.wait("ready") { try service.status().isReady }
    try service.wait("usage taken") { try service.status().verdicts.batches > judged }
    let result = load.finish()
    #expect((result.deferrals[.clockHeld] ?? 0) > 0)
    #expect(result.ackedRecords == result.numbersUsed)
    #expect(try service.status().time.hasPrefix(String(before.prefix(4))))
    try service.wait("a line in the log") { service.log.contains("the clock is believed") }
    try service.flush()
    let retries = Self.records(0..<2_000, at: LoadInBackground.time)
    let again = try UsageSource.send(retries, to: service.tcp, transport: .tcp, source: "again")
    #expect(again.verdicts[.duplicate] == 2_000)
    #expect(try service.verify().status == 0)
  }

  @Test("a confirmed jump is logged and taken; the way back is held", .timeLimit(.minutes(3)))
  func confirms() throws {
    let lever = try ClockLever()
    let service = try Self.service(lever)
    try service.start()
    let early = Self.records(0..<1_000, at: UsageSource.now())
    _ = try UsageSource.send(early, to: service.udp, source: "early")
    try lever.move(to: ClockLever.year)
    _ = try Self.waitUntilHeld(service)
    let confirm = ["clock", "confirm", "--data-directory", service.data]
    let asked = try service.run(confirm)
    #expect(asked.status == 0)
    #expect(asked.output.contains(Self.date(UsageSource.now())), "\(asked)")
    #expect(asked.output.contains(Self.date(lever.now)), "\(asked)")
    #expect(try service.status().isReady == false)
    let confirmed = try service.run(confirm + ["--yes"])
    #expect(confirmed.output.contains("confirmed"), "\(confirmed)")
    #expect(try service.status().isReady)
    let line = service.log.split(separator: "\n").first { $0.contains("clock confirmed") }
    #expect(line?.contains("operator=") == true, "\(service.log)")
    // What was counted is a year old now, and not counted again.
    let late = try UsageSource.send(
      early + Self.records(1_000..<1_100, at: UsageSource.now()), to: service.udp, source: "late")
    #expect(late.verdicts[.accepted] == 0)
    #expect(late.rejections[.timeTooOld] == 1_100)
    let new = try UsageSource.send(
      Self.records(2_000..<3_000, at: lever.now), to: service.udp, source: "new")
    #expect(new.verdicts[.accepted] == 1_000)
    try service.flush()
    #expect(try service.verify().status == 0)

    try lever.move(to: 0)
    _ = try Self.waitUntilHeld(service)
    #expect(try service.stop() == 0)
    // A start behind the log is held as well, and goes on when the clock has come back.
    try service.launch()
    let concern = try Self.waitUntilHeld(service)
    #expect(concern.contains(Self.date(UsageSource.now() + ClockLever.year)), "\(concern)")
    try lever.move(to: ClockLever.year)
    try service.wait("ready") { try service.status().isReady }
    let again = try UsageSource.send(
      Self.records(2_000..<3_000, at: lever.now - 60_000), to: service.udp, source: "again")
    #expect(again.verdicts[.duplicate] == 1_000)
    try service.flush()
    #expect(try service.verify().status == 0)
  }

  @Test("a start far ahead of the log waits for an operator", .timeLimit(.minutes(3)))
  func holdsStart() throws {
    let lever = try ClockLever()
    let service = try Self.service(lever)
    try service.start()
    _ = try UsageSource.send(
      Self.records(0..<1_000, at: UsageSource.now()), to: service.udp, source: "first")
    service.kill()
    try lever.move(to: 6 * ClockLever.day)
    try service.start()
    #expect(try service.stop() == 0)
    try lever.move(to: 14 * ClockLever.day)
    try service.launch()
    let concern = try Self.waitUntilHeld(service)
    #expect(concern.contains(Self.date(UsageSource.now() + 6 * ClockLever.day)), "\(concern)")
    #expect(concern.contains(Self.date(lever.now)), "\(concern)")
    #expect(service.log.contains("the clock cannot be believed"), "\(service.log)")
    let load = try LoadInBackground(
      server: service.udp, firstNumber: 10_000, source: "load", patience: 60_000)
    try service.wait("refusals") { try (service.status().verdicts.refused["clock_held"] ?? 0) > 0 }
    let confirmed = try service.run(["clock", "confirm", "--yes", "--data-directory", service.data])
    #expect(confirmed.status == 0, "\(confirmed)")
    try service.wait("usage taken") { try service.status().verdicts.batches > 0 }
    let result = load.finish()
    #expect(result.ackedRecords == result.numbersUsed)
    let again = try UsageSource.send(
      Self.records(0..<1_000, at: UsageSource.now()), to: service.udp, source: "again")
    #expect(again.verdicts[.duplicate] == 1_000)
    try service.flush()
    #expect(try service.verify().status == 0)
  }

  @Test("Postgres that comes back under a moved clock is written", .timeLimit(.minutes(2)))
  func flushesUnderMovedClock() throws {
    let lever = try ClockLever()
    let database = try ScratchDatabase()
    let service = ServiceProcess(database: database)
    service.environment = try lever.environment
    try service.start()
    try service.flush()
    try lever.move(to: ClockLever.year)
    _ = try Self.waitUntilHeld(service)
    _ = try service.run(["clock", "confirm", "--yes", "--data-directory", service.data])
    let gate = try DatabaseGate(database)
    try gate.close()
    _ = try UsageSource.send(Self.records(0..<100, at: lever.now), to: service.udp)
    try service.wait("failing flushes") { try service.status().flush.failures > 1 }
    try gate.open()
    try service.flush()
    #expect(try database.totals().records == 100)
    #expect(try service.verify().status == 0)
  }
}
