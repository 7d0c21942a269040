import Client
import Foundation
import Metering
import Postgres
import Testing
import Wire

@testable import Server

/// `weighbridge void`, `amend`, `corrections` and `quarantine replay` against a running service.
@Suite("Corrections")
struct CorrectionTests {
  private let database: ScratchDatabase
  private let service: ServiceProcess
  private let month: BillingPeriod
  /// An event time in the month before this one, and in this one.
  private let (last, now): (Int64, Int64)

  init() throws {
    database = try ScratchDatabase()
    service = ServiceProcess(database: database)
    now = UsageSource.now()
    month = try #require(BillingPeriod(containing: Timestamp(milliseconds: now)).previous)
    last = month.end.milliseconds - 3_600_000
  }

  private func record(
    _ key: String, at time: Int64, kind: UsageKind = .compute, quantity: Int64
  ) -> UsageRecord {
    UsageRecord(
      tenant: "acme", kind: kind, operation: "render", time: Timestamp(milliseconds: time),
      quantity: quantity, key: .text(key))
  }

  /// Runs a command about a record.
  private func run(
    _ command: String, _ key: String, at time: Int64, _ more: [String] = []
  ) throws -> ServiceProcess.Result {
    let hour = Hour(containing: Timestamp(milliseconds: time)).text
    return try service.run(
      [command, "--data-directory", service.data, "--tenant", "acme", "--key", key, "--hour", hour]
        + ["--reason", "a test run"] + more)
  }

  /// Sums of both tables by table.
  private func sums() throws -> [String] {
    try service.flush()
    let rows = try database.administrator().execute(
      """
      SELECT 'usage ' || sum(records) || ' ' || sum(quantity) FROM weighbridge.usage_hourly
      UNION ALL
      SELECT 'adjustments ' || sum(records) || ' ' || sum(quantity)
      FROM weighbridge.usage_adjustments
      """)
    return (0..<rows.count).map { rows.isNull($0, 0) ? "" : rows.text($0, 0) }
  }

  @Test("books negatives, once, across a kill", .timeLimit(.minutes(4)))
  func voidsAndAmends() throws {
    try service.start()
    let records = [
      record("a", at: last, quantity: 10), record("b", at: last, kind: .storage, quantity: 100),
      record("c", at: now, quantity: 1_000), record("d", at: now, quantity: 5),
    ]
    _ = try UsageSource.send(records, to: service.udp, source: "one")
    let request = ControlRequest(
      .finalize, period: month.text, tenant: "acme", operatorName: "test")
    var dry = request
    dry.isDryRun = true
    #expect(try service.ask(dry).finalized?.first?.start == month.firstHour.text)
    #expect(try service.ask(request).finalized?.first?.refusal == nil)
    #expect(try sums() == ["usage 4 1115", ""])

    // What only says what it would do changes nothing.
    let plan = try run("void", "a", at: last, ["--dry-run"])
    #expect(plan.status == 0 && plan.output.contains("would void"), "\(plan)")
    #expect(plan.output.contains("as an adjustment of the period from"), "\(plan)")
    #expect(try sums() == ["usage 4 1115", ""])

    // A finalized period gets an adjustment, an open one its own row.
    #expect(try run("void", "a", at: last).status == 0)
    #expect(try run("void", "c", at: now).status == 0)
    #expect(try sums() == ["usage 3 115", "adjustments -1 -10"])
    let amended = try run("amend", "b", at: last, ["--quantity", "40", "--json"])
    #expect(amended.status == 0 && amended.output.contains("\"quantity\" : 40"), "\(amended)")
    #expect(try sums() == ["usage 3 115", "adjustments -1 -70"])

    service.kill()
    try service.start()
    for (key, time) in [("a", last), ("b", last), ("c", now)] {
      let again = try run("void", key, at: time)
      #expect(again.status == 1 && again.output.contains("is void already"), "\(again)")
    }
    let unchanged = try run("amend", "d", at: now, ["--quantity", "5"])
    #expect(unchanged.status == 1 && unchanged.output.contains("changes nothing"), "\(unchanged)")
    // The voided key is taken.
    let sent = try UsageSource.send([records[0], records[2]], to: service.udp, source: "two")
    #expect(sent.verdicts[.duplicate] == 2, "\(sent)")

    let unknown = try run("void", "nobody", at: now)
    #expect(unknown.status == 1 && unknown.errors.contains("no record with key nobody"))
    #expect(unknown.errors.contains("was ever accepted"), "\(unknown)")
    let wrong = try service.run([
      "void", "--data-directory", service.data, "--tenant", "acme", "--key", "a", "--hour", "today",
      "--reason", "x",
    ])
    #expect(wrong.status == 2 && wrong.errors.contains("--hour"), "\(wrong)")
    let empty = try run("void", "", at: now)
    #expect(empty.status == 2 && empty.errors.contains("--key: allowed: 1 to 255"), "\(empty)")

    #expect(try sums() == ["usage 3 115", "adjustments -1 -70"])
    let list = try service.run(["corrections"] + service.databaseArguments)
    #expect(list.status == 0 && list.output.contains("3 corrections"), "\(list)")
    #expect(list.output.contains("a test run"), "\(list)")
    let json = try service.run(["corrections", "--json"] + service.databaseArguments)
    #expect(json.output.contains("\"revision\" : 1"), "\(json)")
    #expect(try service.verify().status == 0)
    #expect(try service.stop() == 0)
  }

  @Test("are given up with their requester", .timeLimit(.minutes(3)), arguments: ["1", "2"])
  func isGivenUpWithItsRequester(partitions: String) throws {
    service.set("--ingest-partitions", partitions)
    try service.start()
    _ = try UsageSource.send([record("a", at: now, quantity: 10)], to: service.udp, source: "one")
    let hour = Hour(containing: Timestamp(milliseconds: now)).text
    let request = ControlRequest(
      .correct, operatorName: "test",
      correction: CorrectionRequest(
        tenant: "acme", key: "a", hour: hour, position: nil, amendment: nil, reason: "x"))
    let layout = try service.layout
    let socket = layout.controlSocket(of: try layout.readInstallation())
    // The service finds the order and the end of the connection together.
    service.signal(SIGSTOP)
    let stream = try RawStream(toSocket: socket)
    #expect(stream.send(ControlCoding.line(request)))
    stream.finish()
    service.signal(SIGCONT)
    try service.wait("given up") { service.log.contains("correction given up") }
    #expect(try sums() == ["usage 1 10", ""])
    let list = try service.run(["corrections"] + service.databaseArguments)
    #expect(list.output.contains("0 corrections"), "\(list)")
    // One that is waited for is made, and shown with who asked for it.
    let done = try service.ask(request)
    #expect(done.corrections?.first?.position != nil, "\(done)")
    #expect(try sums() == ["usage 0 0", ""])
    let after = try service.run(["corrections"] + service.databaseArguments)
    #expect(after.output.contains("test  x") && after.output.contains("1 correction"), "\(after)")
    #expect(try service.verify().status == 0)
    #expect(try service.stop() == 0)
  }

  @Test("takes quarantined records once", .timeLimit(.minutes(3)))
  func replays() throws {
    service.set("--limits-operations", "1")
    try service.start()
    let records =
      [record("a", at: now, quantity: 1)]
      + (0..<2).map { number in
        UsageRecord(
          tenant: "acme", kind: .compute, operation: "other", time: Timestamp(milliseconds: now),
          quantity: 7, key: .text("q\(number)"))
      }
    let sent = try UsageSource.send(records, to: service.udp, source: "one")
    #expect(sent.verdicts[.accepted] == 1, "\(sent)")
    #expect(try service.stop() == 0)
    service.set("--limits-operations", "10")
    try service.start()
    func replay(_ arguments: [String]) throws -> ServiceProcess.Result {
      try service.run(
        ["quarantine", "replay", "--data-directory", service.data, "--reason", "limit raised"]
          + arguments)
    }
    let dry = try replay(["--all", "--dry-run"])
    #expect(dry.status == 0 && dry.output.contains("would add"), "\(dry)")
    #expect(try sums() == ["usage 1 1", ""])
    // One of them was sent again meanwhile.
    let again = try UsageSource.send([records[1]], to: service.udp, source: "two")
    #expect(again.verdicts[.accepted] == 1, "\(again)")
    let result = try replay(["--all"])
    #expect(result.status == 1 && result.output.contains("is known already"), "\(result)")
    #expect(try sums() == ["usage 3 15", ""])
    let twice = try replay(["2"])
    #expect(twice.status == 1 && twice.output.contains("was taken already"), "\(twice)")
    let none = try replay(["99"])
    #expect(none.status == 1 && none.output.contains("no entry 99"), "\(none)")
    #expect(try service.verify().status == 0)
    #expect(try service.stop() == 0)
  }
}
