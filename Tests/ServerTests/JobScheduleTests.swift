import Database
import Metering
import SeededRandom
import Testing
import Wire

@testable import Server

@Suite("Schedules of jobs")
struct JobScheduleTests {
  private func time(_ text: String) throws -> Timestamp {
    try #require(Timestamp(rfc3339: text))
  }

  private func schedule(_ kind: JobKind, _ cron: String) throws -> JobSchedule {
    JobSchedule(name: "s", kind: kind, cron: try CronSchedule(parsing: cron))
  }

  private func jobs(
    _ schedule: JobSchedule, after planned: String, upTo due: String
  ) throws -> [NewJob] {
    schedule.jobs(after: try time(planned), upTo: try time(due), attempts: 5)
  }

  @Test("of the daily verifications that were missed only the latest is made good")
  func missedVerifications() throws {
    let daily = try schedule(.verify, "17 3 * * *")
    let missed = try jobs(daily, after: "2026-01-05T03:17:00Z", upTo: "2026-03-09T12:00:00Z")
    #expect(missed.map { $0.scheduled?.text } == ["2026-03-09T03:17:00Z"])
    #expect(missed.first?.kind == "verify" && missed.first?.arguments == "{}")
    #expect(missed.first?.maximumAttempts == 5 && missed.first?.createdBy == "schedule s")
    let none = try jobs(daily, after: "2026-01-05T03:17:00Z", upTo: "2026-01-06T03:16:59Z")
    #expect(none.isEmpty)
    let due = try jobs(daily, after: "2026-01-05T03:17:00Z", upTo: "2026-01-06T03:17:00Z")
    #expect(due.count == 1)
  }

  @Test("of the finalizes that were missed every period is made good, in order")
  func missedFinalizes() throws {
    let monthly = try schedule(.finalize, "0 4 2 * *")
    let missed = try jobs(monthly, after: "2025-11-02T04:00:00Z", upTo: "2026-02-02T04:00:00Z")
    #expect(
      missed.map { $0.scheduled?.text } == [
        "2025-12-02T04:00:00Z", "2026-01-02T04:00:00Z", "2026-02-02T04:00:00Z",
      ])
    #expect(
      missed.map { JobArguments(text: $0.arguments)?.period } == ["2025-11", "2025-12", "2026-01"])
    // Many slots of one period are one job, that of the last slot.
    let daily = try schedule(.finalize, "@daily")
    let days = try jobs(daily, after: "2026-01-10T00:00:00Z", upTo: "2026-02-03T00:00:00Z")
    #expect(days.map { $0.scheduled?.text } == ["2026-01-31T00:00:00Z", "2026-02-03T00:00:00Z"])
    #expect(days.map { JobArguments(text: $0.arguments)?.period } == ["2025-12", "2026-01"])
    // Before the first period there is none to finalize.
    #expect(try jobs(daily, after: "1970-01-01T00:00:00Z", upTo: "1970-01-09T00:00:00Z").isEmpty)
  }

  @Test("a slot at the very end of a period means that period")
  func boundary() throws {
    let monthly = try schedule(.finalize, "@monthly")
    let job = try jobs(monthly, after: "2026-02-27T00:00:00Z", upTo: "2026-03-01T00:00:00Z")
    #expect(job.map { JobArguments(text: $0.arguments)?.period } == ["2026-02"])
  }

  @Test("a job is due its delay after its slot")
  func delay() throws {
    var monthly = try schedule(.finalize, "@monthly")
    monthly.delay = 72 * 3_600_000
    #expect(monthly.due(at: try time("2026-03-04T00:00:00Z")).text == "2026-03-01T00:00:00Z")
  }

  @Test("tenants with a finalize of their own are left out of that of all")
  func tenants() throws {
    let fixture = try ConfigurationFixture()
    let jobs = try fixture.load(
      """
      jobs:
        finalize: "@monthly"
        finalizeAfter: 48h
        verify: none
        tenants:
          globex: {finalize: none}
          acme: {finalize: "0 4 16 * *", finalizeAfter: 1h}
      """
    ).configuration.jobs
    let schedules = JobSchedule.all(of: jobs, calendars: .empty)
    #expect(schedules.map(\.name) == ["finalize", "finalize acme"])
    #expect(schedules.map(\.tenant) == [nil, "acme"])
    #expect(schedules.map(\.except) == [["acme", "globex"], []])
    #expect(schedules.map(\.delay) == [48 * 3_600_000, 3_600_000])
    let arguments = schedules.map {
      $0.jobs(
        after: Timestamp(milliseconds: 1_770_000_000_000),
        upTo: Timestamp(milliseconds: 1_773_000_000_000), attempts: 1
      ).compactMap { JobArguments(text: $0.arguments) }
    }
    #expect(arguments[0] == [JobArguments(period: "2026-02", except: ["acme", "globex"])])
    #expect(arguments[1] == [JobArguments(period: "2026-01", tenant: "acme")])
    #expect(
      JobSchedule.all(of: ServerConfiguration().jobs, calendars: .empty).map(\.name) == ["verify"])
  }

  @Test("a tenant with a calendar is finalized by it")
  func calendars() throws {
    let calendar = try #require(PeriodCalendar(anchorDay: 10, offsetHours: 0))
    let table = try CalendarTable(entries: [
      CalendarEntry(tenant: "acme", from: .earliest, calendar: calendar)
    ])
    var jobs = ServerConfiguration().jobs
    jobs.finalize = try CronSchedule(parsing: "@monthly")
    jobs.verify = nil
    let schedules = JobSchedule.all(of: jobs, calendars: table)
    #expect(schedules.map(\.name) == ["finalize", "finalize acme"])
    #expect(schedules[0].except == ["acme"])
    let periods = schedules.map {
      $0.jobs(
        after: Timestamp(milliseconds: 1_770_000_000_000),
        upTo: Timestamp(milliseconds: 1_773_000_000_000), attempts: 1
      ).compactMap { JobArguments(text: $0.arguments)?.period }
    }
    // On 1 March the period that began on 10 February is not over.
    #expect(periods == [["2026-02"], ["2026-01"]])
  }

  @Test("every period that was missed is exported, its rollups and its adjustments")
  func exports() throws {
    var jobs = ServerConfiguration().jobs
    jobs.export = try CronSchedule(parsing: "0 6 5 * *")
    jobs.verify = nil
    let schedules = JobSchedule.all(of: jobs, calendars: .empty)
    #expect(schedules.map(\.name) == ["export rollups", "export adjustments"])
    #expect(schedules.allSatisfy { $0.kind == .export && $0.delay == 0 && $0.tenant == nil })
    for (schedule, what) in zip(schedules, [ExportTable.rollups, .adjustments]) {
      let missed = try self.jobs(
        schedule, after: "2025-12-05T06:00:00Z", upTo: "2026-02-05T06:00:00Z")
      #expect(missed.map(\.kind) == ["export", "export"])
      #expect(
        missed.map { JobArguments(text: $0.arguments) } == [
          JobArguments(period: "2025-12", what: what), JobArguments(period: "2026-01", what: what),
        ])
    }
  }

  @Test("what is exported for all is over for the tenant whose period ends last")
  func exportsByCalendars() throws {
    let table = try CalendarTable(
      entries: try [("acme", 10, 0), ("globex", 20, -12)].map { tenant, day, offset in
        CalendarEntry(
          tenant: tenant, from: .earliest,
          calendar: try #require(PeriodCalendar(anchorDay: day, offsetHours: offset)))
      })
    var jobs = ServerConfiguration().jobs
    jobs.export = try CronSchedule(parsing: "0 * 20 * *")
    let schedule = try #require(
      JobSchedule.all(of: jobs, calendars: table).first { $0.name == "export rollups" })
    // Of globex the period 2026-01 ends on 20 February at 12:00 UTC.
    let before = try self.jobs(
      schedule, after: "2026-02-20T10:00:00Z", upTo: "2026-02-20T11:30:00Z")
    let after = try self.jobs(
      schedule, after: "2026-02-20T11:00:00Z", upTo: "2026-02-20T12:30:00Z")
    let periods = (before + after).map { JobArguments(text: $0.arguments)?.period }
    #expect(periods == ["2025-12", "2026-01"])
  }

  @Test("the delay after a failure doubles up to its bound, with jitter of half of it")
  func backoff() {
    var random = SplitMix64(seed: 7)
    for failures in 1...40 {
      let whole = min(JobBackoff.longest, JobBackoff.first << Int64(min(failures - 1, 20)))
      let delays = (0..<200).map { _ in
        JobBackoff.delay(afterFailures: failures, using: &random)
      }
      #expect(delays.allSatisfy { (whole / 2...whole).contains($0) }, "\(failures)")
      #expect(Set(delays).count > 100, "\(failures)")
    }
  }

  @Test("arguments and summaries are read as they are written")
  func texts() {
    let arguments = JobArguments(period: "2026-01", tenant: "a \"b\"", except: ["c"])
    #expect(JobArguments(text: arguments.text) == arguments)
    #expect(JobArguments().text == "{}")
    #expect(JobArguments(text: "{\"period\": 5}") == nil)
    let export = JobArguments(what: .records, format: .ndjson, compress: .zstd)
    #expect(export.text == #"{"compress":"zstd","format":"ndjson","what":"records"}"#)
    #expect(JobArguments(text: export.text) == export)
    #expect(JobArguments(text: #"{"what":"bytes"}"#) == nil)
    var summary = JobSummary()
    summary.errors = ["hours_open": 2]
    summary.seconds = 0.25
    #expect(JobSummary(text: summary.text) == summary)
    #expect(JobSummary(text: "[]") == nil)
  }

  @Test("what a finalize may be asked for again")
  func refusals() {
    let period = BillingPeriod(month: 600)
    let bounds = PeriodBounds(monthOf: period)
    let all: [(FinalizeRefusal, String, Bool)] = [
      (.unknownTenant("a"), "unknown_tenant", false), (.notOver(bounds), "not_over", true),
      (.hoursOpen(bounds, closedThrough: nil), "hours_open", true),
      (.hoursUnflushed(bounds, flushedThrough: nil), "hours_unflushed", true),
      (.gapsOpen(bounds, []), "gaps_open", true),
      (.earlierPeriodOpen(tenant: "a", period), "earlier_period_open", true),
      (.alreadyFinalized(tenant: "a", period), "already_finalized", false),
      (.laterPeriodFinalized(tenant: "a", period, last: period), "later_period_finalized", false),
      (.clockHeld, "clock_held", true),
    ]
    for (refusal, name, mayPass) in all {
      #expect(refusal.name == name)
      #expect(refusal.mayPass == mayPass, "\(name)")
      #expect(refusal.isFinalized == (name == "already_finalized"))
    }
  }
}
