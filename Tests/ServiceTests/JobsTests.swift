import Client
import Foundation
import Metering
import Postgres
import Testing
import Wire

@testable import Server

@Suite("Jobs of the service", .serialized)
struct JobsTests {
  let database: ScratchDatabase
  let service: ServiceProcess
  let month: BillingPeriod

  init() throws {
    let database = try ScratchDatabase()
    try self.init(
      database,
      ServiceProcess(
        ["--acceptance-back", "70d", "--dedup-window", "71d", "--jobs-verify", "none"],
        database: database))
  }

  init(_ database: ScratchDatabase, _ service: ServiceProcess) throws {
    self.database = database
    self.service = service
    let now = Timestamp(milliseconds: UsageSource.now())
    month = try #require(BillingPeriod(containing: now).previous)
  }

  /// A job as `weighbridge jobs` prints it.
  struct Job: Decodable {
    struct Result: Decodable {
      var tenants: Int
      var rows: Int
      var records: Int64
      var errors: [String: Int]
      var seconds: Double
      var outcome: String?
      var file: String?
    }
    var id: Int64
    var kind: String
    var state: String
    var attempts: Int
    var schedule: String?
    var lastError: String?
    var result: Result?
    var createdBy: String
  }

  func jobs(_ arguments: String...) throws -> ServiceProcess.Result { try jobs(arguments) }

  func jobs(_ arguments: [String]) throws -> ServiceProcess.Result {
    try service.run(
      ["jobs"] + arguments + ["--data-directory", service.data] + service.databaseArguments)
  }

  func decode<Value: Decodable>(_ text: String) throws -> Value {
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    return try decoder.decode(Value.self, from: Data(text.utf8))
  }

  func all() throws -> [Job] { try decode(jobs("list", "--json").output) }

  func job(_ id: Int64) throws -> Job { try decode(jobs("show", "\(id)", "--json").output) }

  func wait(for id: Int64, _ state: String) throws -> Job {
    try service.wait("job \(id) \(state)") { try job(id).state == state }
    return try job(id)
  }

  /// Sends a record of the last hour of a period.
  func send(_ number: Int, _ tenant: String, in period: BillingPeriod) throws {
    let record = UsageSource.record(
      number, time: period.end.milliseconds - 3_600_000, tenant: tenant)
    let sent = try UsageSource.send([record], to: service.udp, source: "s\(number)")
    #expect(sent.verdicts[.accepted] == 1)
  }

  private func finalizedBy(_ tenant: String) throws -> [String] {
    let rows = try database.administrator().execute(
      """
      SELECT finalized_by FROM weighbridge.billing_periods
      WHERE tenant = $1 AND state = 'finalized' ORDER BY period_start
      """, [tenant])
    return (0..<rows.count).map { rows.text($0, 0) }
  }

  func skipDelays() throws {
    try database.administrator().execute(
      "UPDATE weighbridge.jobs SET next_attempt_at = now() WHERE state = 'waiting'")
  }

  @Test("finalize and verify run at once and leave what they came to", .timeLimit(.minutes(3)))
  func runs() throws {
    try service.start()
    try send(1, "acme", in: month)
    try send(2, "globex", in: month)
    let dry = try jobs("run", "finalize", "--period", month.text, "--dry-run")
    #expect(dry.status == 0 && dry.output.contains("acme    finalize"), "\(dry)")
    #expect(try all().isEmpty)
    let one = try jobs("run", "finalize", "--period", month.text, "--tenant", "acme", "--json")
    #expect(one.status == 0, "\(one)")
    let first: Job = try decode(one.output)
    #expect(first.state == "done" && first.attempts == 1 && first.schedule == nil)
    #expect(first.result?.tenants == 1 && first.result?.rows == 1 && first.result?.records == 1)
    #expect(try finalizedBy("acme") == ["job \(first.id) of \(first.createdBy)"])
    #expect(try finalizedBy("globex").isEmpty)

    let rest = try jobs("run", "finalize", "--period", month.text, "--json")
    let second: Job = try decode(rest.output)
    // Its own figures, not those of all time.
    #expect(rest.status == 0 && second.result?.tenants == 1, "\(rest)")
    let again = try jobs("run", "finalize", "--period", month.text, "--tenant", "acme", "--json")
    let third: Job = try decode(again.output)
    #expect(again.status == 0 && third.state == "done" && third.result?.tenants == 0, "\(again)")

    let verified = try jobs("run", "verify", "--json")
    let fourth: Job = try decode(verified.output)
    #expect(verified.status == 0 && fourth.result?.outcome == "equal", "\(verified)")
    #expect(fourth.result?.tenants == 2 && fourth.result?.rows == 2 && fourth.result?.records == 2)
    #expect(try all().map(\.id) == [fourth.id, third.id, second.id, first.id])
    #expect(service.log.contains("job done"))
    #expect(try service.stop() == 0)
  }

  @Test(
    "one tenant's refusal does not stop the others, and is tried again", .timeLimit(.minutes(3)))
  func oneTenantRefused() throws {
    let before = try #require(month.previous)
    try service.start()
    try send(1, "acme", in: month)
    try send(2, "globex", in: before)
    try send(3, "globex", in: month)
    let dry = try jobs("run", "finalize", "--period", month.text, "--dry-run")
    #expect(dry.output.contains("globex  refuse: \(before.text) is open"), "\(dry)")
    let run = try jobs("run", "finalize", "--period", month.text, "--json")
    #expect(run.status == 1)
    let waiting: Job = try decode(run.output)
    #expect(waiting.state == "waiting" && waiting.attempts == 1)
    #expect(waiting.result?.errors == ["earlier_period_open": 1] && waiting.result?.tenants == 1)
    #expect(waiting.lastError?.contains("globex: period \(before.text)") == true)
    #expect(try finalizedBy("acme").count == 1)
    #expect(try service.status().jobs.waiting == 1)

    #expect(try jobs("run", "finalize", "--period", before.text).status == 0)
    try skipDelays()
    let done = try wait(for: waiting.id, "done")
    #expect(done.attempts == 2 && done.result?.errors == [:] && done.result?.tenants == 2)
    let name = "job \(done.id) of \(done.createdBy)"
    #expect(try finalizedBy("acme") == [name])
    #expect(try finalizedBy("globex").last == name)
    #expect(try service.verify().status == 0)
  }

  @Test(
    "a verification is narrowed to a period, a tenant, or both; old ones are taken out",
    .timeLimit(.minutes(3)))
  func narrowed() throws {
    let before = try #require(month.previous)
    try service.start()
    try send(1, "acme", in: month)
    try send(2, "acme", in: before)
    try send(3, "globex", in: month)
    try service.flush()
    let administrator = try database.administrator()
    try administrator.execute(
      "UPDATE weighbridge.usage_hourly SET quantity = quantity + 1 WHERE tenant = 'globex'")
    func verify(_ arguments: String...) throws -> Job {
      try decode(jobs(["run", "verify", "--json"] + arguments).output)
    }
    let equal = [
      (try verify("--tenant", "acme"), 2), (try verify("--period", before.text), 1),
      (try verify("--period", month.text, "--tenant", "acme"), 1),
    ]
    for (job, rows) in equal {
      #expect(job.state == "done" && job.result?.outcome == "equal", "\(job)")
      #expect(job.result?.rows == rows && job.result?.tenants == 1, "\(job)")
    }
    let failed = [try verify("--period", month.text), try verify("--tenant", "globex")]
    for job in failed {
      #expect(job.state == "failed" && job.result?.errors["usage_hourly"] == 1, "\(job)")
    }
    let dry = try jobs("run", "verify", "--tenant", "acme", "--dry-run")
    #expect(dry.status == 0 && dry.output.hasSuffix("due at once: verify of acme\n"), "\(dry)")
    let unknown = try verify("--tenant", "nobody")
    #expect(unknown.lastError?.contains("there is no usage of tenant nobody") == true)

    try administrator.execute(
      """
      UPDATE weighbridge.jobs SET finished_at = finished_at - interval '401 days'
      WHERE state IN ('done', 'failed')
      """)
    let last = try verify("--tenant", "acme")
    #expect(try all().map(\.id) == [last.id, unknown.id, failed[1].id, failed[0].id])
  }

  @Test("a difference ends the job for good, is shown, and can be retried", .timeLimit(.minutes(3)))
  func deadLetter() throws {
    try service.start()
    try send(1, "acme", in: month)
    try service.flush()
    let administrator = try database.administrator()
    try administrator.execute("UPDATE weighbridge.usage_hourly SET quantity = quantity + 1")
    let run = try jobs("run", "verify", "--json")
    #expect(run.status == 1)
    let failed: Job = try decode(run.output)
    #expect(failed.state == "failed" && failed.attempts == 1, "\(run)")
    #expect(failed.result?.errors == ["usage_hourly": 1] && failed.result?.outcome == "differs")
    #expect(failed.lastError?.contains("acme") == true)
    try service.wait("a failed job in the status") { try service.status().jobs.failed == 1 }
    #expect(try service.status().concerns.isEmpty)
    // One that nobody stood by is a concern.
    try administrator.execute("UPDATE weighbridge.jobs SET schedule = 'verify'")
    try service.wait("a concern") {
      try service.status().concerns.contains { $0.contains("were given up") }
    }
    try administrator.execute("UPDATE weighbridge.usage_hourly SET quantity = quantity - 1")
    let dry = try jobs("retry", "\(failed.id)", "--dry-run")
    #expect(dry.status == 0 && dry.output.contains("would let job \(failed.id) wait again"))
    #expect(try job(failed.id).state == "failed")
    #expect(try jobs("retry", "\(failed.id)").status == 0)
    #expect(try wait(for: failed.id, "done").result?.outcome == "equal")
    let twice = try jobs("retry", "\(failed.id)")
    #expect(twice.status == 1 && twice.errors.contains("is done"), "\(twice)")
    try service.wait("no concern") { try service.status().concerns.isEmpty }
  }

  @Test("a job that was cut off is taken again by the next start", .timeLimit(.minutes(5)))
  func killedWhileItRuns() throws {
    try service.start()
    try send(1, "acme", in: month)
    try service.flush()
    let blocker = try database.administrator()
    try blocker.execute("BEGIN")
    try blocker.execute("LOCK TABLE weighbridge.usage_hourly IN ACCESS EXCLUSIVE MODE")
    #expect(try jobs("run", "verify", "--no-wait").status == 0)
    let id = try #require(try all().first).id
    try service.wait("running") { try service.status().jobs.running == 1 }
    service.kill()
    #expect(try job(id).state == "running")
    try blocker.execute("COMMIT")
    try service.start()
    let done = try wait(for: id, "done")
    #expect(done.attempts == 2 && done.result?.outcome == "equal")
    #expect(service.log.contains("a job is taken again"))

    // An orderly stop gives it back, and the attempt does not count.
    try blocker.execute("BEGIN")
    try blocker.execute("LOCK TABLE weighbridge.usage_hourly IN ACCESS EXCLUSIVE MODE")
    #expect(try jobs("run", "verify", "--no-wait").status == 0)
    let other = try #require(try all().first).id
    try service.wait("running") { try service.status().jobs.running == 1 }
    #expect(try service.stop() == 0)
    let back = try job(other)
    #expect(back.state == "waiting" && back.attempts == 0, "\(back)")
    try blocker.execute("COMMIT")
    try service.start()
    #expect(try wait(for: other, "done").attempts == 1)
  }

  @Test(
    "a finalize cut off after its record is in the log is finished once", .timeLimit(.minutes(5)))
  func killedAfterAppend() throws {
    try service.start()
    try send(1, "acme", in: month)
    try service.flush()
    let blocker = try database.administrator()
    try blocker.execute("BEGIN")
    try blocker.execute("LOCK TABLE weighbridge.billing_periods IN SHARE MODE")
    let run = try jobs("run", "finalize", "--period", month.text, "--no-wait")
    #expect(run.status == 0, "\(run)")
    let id = try #require(try all().first).id
    try service.wait("a flush that finalizes") {
      // In a transaction the view would stand still.
      try database.administrator().execute(
        """
        SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = $1
          AND query LIKE '%finalize_period%'
        """, [database.name]
      ).count > 0
    }
    service.kill()
    try blocker.execute("COMMIT")
    #expect(try job(id).state == "running")
    try service.start()
    let done = try wait(for: id, "done")
    #expect(done.attempts == 2 && done.result?.tenants == 1 && done.result?.records == 1)
    #expect(try finalizedBy("acme") == ["job \(id) of \(done.createdBy)"])
    #expect(try service.verify().status == 0)
  }

  @Test("what was missed while the service was down runs at its start", .timeLimit(.minutes(5)))
  func missed() throws {
    let lever = try ClockLever()
    service.environment = try lever.environment
    // Tomorrow at midnight, whatever the day; the clock of the next start is past it.
    let slot = Timestamp(
      milliseconds: (UsageSource.now() / ClockLever.day + 1) * ClockLever.day)
    let date = CivilDate(dayNumber: Int32(slot.milliseconds / ClockLever.day))
    let period = try #require(BillingPeriod(containing: slot).previous)
    service.set("--jobs-finalize", "0 0 \(date.day) \(date.month) *")
    service.set("--jobs-finalize-after", "1h")
    service.set("--jobs-export", "0 0 \(date.day) \(date.month) *")
    service.set("--jobs-tenants", "{globex: {finalize: none}}")
    // Every hour, and not while the test begins.
    service.set("--jobs-verify", "\((UsageSource.now() / 60_000 + 30) % 60) * * * *")
    service.set("--hours-close-grace", "0s")
    try service.start()
    let time = min(period.end.milliseconds - 3_600_000, UsageSource.now())
    let records = ["acme", "globex"].enumerated().map {
      UsageSource.record($0.offset, time: time, tenant: $0.element)
    }
    _ = try UsageSource.send(records, to: service.udp, source: "one")
    try service.flush()
    let planned = "SELECT 1 FROM weighbridge.job_schedules"
    try service.wait("all planned") { try database.administrator().execute(planned).count == 4 }
    #expect(try all().isEmpty)
    #expect(try service.stop() == 0)
    try lever.move(to: 2 * ClockLever.day)
    try service.start()
    try service.wait("two jobs done") {
      try all().filter { $0.state == "done" }.count == 2
    }
    let jobs = try all()
    let verifications = jobs.filter { $0.kind == "verify" }
    #expect(verifications.count == 1, "of 48 that were missed only the latest: \(jobs)")
    let finalize = try #require(jobs.first { $0.kind == "finalize" })
    #expect(finalize.schedule == "finalize" && finalize.result?.tenants == 1, "\(finalize)")
    #expect(try finalizedBy("acme") == ["job \(finalize.id) of schedule finalize"])
    #expect(try finalizedBy("globex").isEmpty)
    // Nobody finalizes the period of globex.
    try service.wait("exports that are refused") {
      try all().filter { $0.kind == "export" && $0.lastError?.contains("globex") == true }.count
        == 2
    }
    let exports = try all().filter { $0.kind == "export" }
    #expect(Set(exports.map(\.schedule)) == ["export rollups", "export adjustments"])
    let rows = try database.administrator().execute(
      "SELECT scheduled_at = $1, arguments->>'period' FROM weighbridge.jobs WHERE job_id = $2",
      [slot.text, "\(finalize.id)"])
    #expect(rows.boolean(0, 0) && rows.text(0, 1) == period.text)
  }

  @Test("a schedule of every minute is kept, and waits for Postgres", .timeLimit(.minutes(5)))
  func everyMinute() throws {
    service.set("--jobs-verify", "* * * * *")
    try service.start()
    try service.wait("a verification", seconds: 120) {
      try all().first.map { $0.state == "done" && $0.schedule == "verify" }
    }
    let done = try all().count
    let gate = try DatabaseGate(database)
    try gate.close()
    try service.wait("jobs that cannot be asked for") {
      try service.status().jobs.lastError != nil
    }
    #expect(try service.status().isReady)
    try gate.open()
    try service.wait("the next one", seconds: 120) {
      let jobs = try? all()
      return jobs.map { $0.count > done && $0[0].state == "done" }
    }
    #expect(try service.status().jobs.lastError == nil)
  }

  @Test("what cannot be done is refused, and changes nothing", .timeLimit(.minutes(3)))
  func badInput() throws {
    try service.start()
    try send(1, "acme", in: month)
    let next = try #require(
      BillingPeriod(containing: Timestamp(milliseconds: UsageSource.now())).next)
    let cases: [([String], Int32, String)] = [
      (["run", "finalize"], 2, "--period is missing"),
      (["run", "finalize", "--period", "2026-13"], 2, "allowed: a month"),
      (["run", "finalize", "--period", next.text], 1, "is not over"),
      (["run", "finalize", "--period", month.text, "--tenant", "nobody"], 1, "tenant nobody"),
      (["run", "verify", "--period", "2026-13"], 2, "allowed: a month"),
      (["run", "verify", "--what", "rollups"], 2, "go with export"),
      (["run", "finalize", "--period", month.text, "--format", "csv"], 2, "go with export"),
      (["run", "verify", "--compress", "gzip"], 2, "go with export"),
      (["run", "export"], 2, "--period is missing"),
      (["run", "export", "--period", next.text], 1, "is not over"),
      (["run", "export", "--period", month.text], 1, "it is open for acme"),
      (["run", "export", "--period", month.text, "--dry-run"], 1, "is not finalized"),
      (
        ["run", "export", "--period", month.text, "--tenant", "nobody"], 1,
        "there is no period \(month.text) of tenant nobody"
      ),
      (["run", "export", "--period", "1999-01"], 1, "there is no period 1999-01"),
      (["run", "export", "--period", month.text, "--what", "records"], 2, "--tenant is missing"),
      (["run", "export", "--period", month.text, "--what", "bytes"], 2, "bytes"),
      (["run", "export", "--period", month.text, "--format", "xml"], 2, "xml"),
      (["run", "export", "--period", month.text, "--compress", "zip"], 2, "zip"),
      (["run", "polish"], 2, "found \"polish\"; allowed: finalize, verify, export"),
      (["show", "7"], 1, "there is no job 7"), (["retry", "7"], 1, "there is no job 7"),
      (["list", "--state", "lost"], 2, "waiting, running, done, failed"),
      (["list", "--last", "0"], 2, "1 or more"),
    ]
    for (arguments, status, message) in cases {
      let result = try jobs(arguments)
      #expect(result.status == status, "\(arguments): \(result)")
      #expect(result.errors.contains(message), "\(arguments): \(result)")
    }
    #expect(try service.stop() == 0)
    let down = try jobs("run", "verify")
    #expect(down.status == 1 && down.errors.contains("nothing was put in"), "\(down)")
    #expect(try all().isEmpty)
    #expect(try jobs("run", "verify", "--no-wait").status == 0)
    #expect(try all().map(\.state) == ["waiting"])
    try service.start()
    _ = try wait(for: try #require(all().first).id, "done")

    let broken = try service.run(
      ["serve", "--data-directory", service.data, "--jobs-verify", "0 0 31 2 *"])
    #expect(broken.status == 2 && broken.errors.contains("never comes"), "\(broken)")
  }
}
