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

  private func run(_ arguments: String...) throws -> ServiceProcess.Result {
    try service.run(
      arguments + ["--data-directory", service.data] + service.databaseArguments)
  }

  @Test("warns of stored bytes below 0, and refuses nothing", .timeLimit(.minutes(3)))
  func warns() throws {
    try service.start()
    let time = month.end.milliseconds - 3 * 3_600_000
    let records = ["acme", "globex", "initech"].enumerated().map { number, tenant in
      UsageSource.record(
        number, time: time, kind: .storage, tenant: tenant, quantity: tenant == "initech" ? 5 : -5)
    }
    _ = try UsageSource.send(records, to: service.udp, source: "one")
    func warning(_ tenant: String, _ context: String) -> String {
      "tenant \(tenant) has less than nothing stored from "
        + "\(Hour(containing: Timestamp(milliseconds: time)).text) to \(month.endHour.text), "
        + "lowest -5 bytes: -5 by GET /v1/tasks (project \(context)) in hour"
    }
    let dry = try run(
      "period", "finalize", "--period", month.text, "--tenant", "acme", "--dry-run")
    #expect(dry.status == 0 && dry.output.contains("warning: " + warning("acme", "p0")), "\(dry)")
    #expect(try finalizedPeriods == 0)
    let none = try run("period", "finalize", "--period", month.text, "--tenant", "initech")
    #expect(none.status == 0 && !none.output.contains("warning"), "\(none)")
    let done = try run("period", "finalize", "--period", month.text, "--tenant", "acme", "--json")
    #expect(done.status == 0 && done.output.contains(#""lowest" : "-5""#), "\(done)")
    #expect(done.output.contains(#""is_finalized" : true"#), "\(done)")
    #expect(!done.output.contains("would_be_finalized"), "\(done)")
    let show = try run("period", "show", "--period", month.text)
    for (tenant, context) in [("acme", "p0"), ("globex", "p1")] {
      #expect(show.output.contains(warning(tenant, context)), "\(show)")
    }
    #expect(!show.output.contains("tenant initech has"), "\(show)")

    // A job keeps the warning with its result: nobody may stand by.
    let job = try run("jobs", "run", "finalize", "--period", month.text)
    #expect(job.status == 0, "\(job)")
    #expect(job.output.contains("warning: " + warning("globex", "p1")), "\(job)")
    #expect(!job.output.contains("tenant acme"), "\(job)")
    #expect(try finalizedPeriods == 3)

    // Without an answer from Postgres there is no warning, and what was done stands.
    let lost = try service.run([
      "period", "finalize", "--period", month.text, "--tenant", "acme", "--json",
      "--data-directory", service.data, "--postgres-url", "host=127.0.0.1 port=1",
    ])
    #expect(lost.status == 1 && lost.output.contains(#""is_finalized" : true"#), "\(lost)")
    #expect(try service.stop() == 0)
  }

  @Test("what cannot be finalized is refused with what is allowed", .timeLimit(.minutes(3)))
  func badInput() throws {
    try service.start()
    let record = UsageSource.record(1, time: month.end.milliseconds - 3_600_000, tenant: "acme")
    _ = try UsageSource.send([record], to: service.udp, source: "one")
    let now = BillingPeriod(containing: Timestamp(milliseconds: UsageSource.now()))
    let year = BillingPeriod(month: now.month + 12)
    let early = BillingPeriod(month: now.month - 13)
    let cases: [([String], Int32, String)] = [
      (["finalize", "--period", "2026-13"], 2, #"found "2026-13"; allowed: a month"#),
      (["finalize", "--period", now.text], 1, "is not over: it ends at \(now.endHour.text)"),
      (["finalize", "--period", year.text], 1, "is not over: it ends at \(year.endHour.text)"),
      (["finalize", "--period", month.text, "--tenant", "nobody"], 1, "no usage of tenant nobody"),
      (
        ["finalize", "--period", early.text, "--tenant", "acme"], 1,
        "has no period \(early.text): its first usage is of \(month.text)"
      ),
      (["show", "--period", early.text], 1, "there is no period \(early.text)"),
      (
        ["show", "--period", month.text, "--tenant", "nobody"], 1,
        "there is no period \(month.text) of tenant nobody"
      ),
    ]
    for (arguments, status, message) in cases {
      for more in arguments[0] == "finalize" ? [["--dry-run"], []] : [[]] {
        let result = try service.run(
          ["period"] + arguments + more + ["--data-directory", service.data]
            + service.databaseArguments)
        #expect(result.status == status, "\(arguments): \(result)")
        #expect((result.output + result.errors).contains(message), "\(arguments): \(result)")
      }
    }
    // Nobody has an earlier period open.
    let none = try run("period", "finalize", "--period", early.text)
    #expect(none.status == 0 && none.output == "no tenant has period \(early.text) open\n")
    #expect(try finalizedPeriods == 0)
    #expect(try service.ask(request).finalized?.first?.isFinalized == true)
    let again = try service.ask(request).finalized?.first
    #expect(again?.refusal?.contains("is finalized already") == true && again?.isFinalized == true)
    #expect(try finalizedPeriods == 1)
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
