import Client
import Foundation
import Metering
import Postgres
import Server
import Testing
import Wire

/// Billing periods of tenants with calendars of their own, on a running service.
@Suite("Calendars of the running service")
struct CalendarServiceTests {
  private static let day: Int64 = 86_400_000

  /// A tenant's calendar and the period that was the last to end, computed from dates alone.
  private struct Tenant {
    var name: String
    var anchorDay: Int
    var offset: Int
    /// The month in which the ended period begins.
    var month: BillingPeriod
    /// The hours at which it begins and ends.
    var (start, end): (Hour, Hour)

    /// - Parameters:
    ///   - daysAgo: a new period began so many days ago, or up to three days earlier.
    init(_ name: String, daysAgo: Int64, offset: Int) throws {
      let date = CivilDate(
        dayNumber: Int32(UsageSource.now() / CalendarServiceTests.day - daysAgo))
      (self.name, self.offset) = (name, offset)
      let anchorDay = min(date.day, PeriodCalendar.anchorDays.upperBound)
      self.anchorDay = anchorDay
      let current = BillingPeriod(month: Int32((date.year - 1970) * 12 + date.month - 1))
      month = try #require(current.previous)
      func midnight(_ period: BillingPeriod) throws -> Hour {
        let day = anchorDay < 10 ? "0\(anchorDay)" : "\(anchorDay)"
        let utc = try Hour(parsing: "\(period.text)-\(day)T00:00:00Z")
        return Hour(index: utc.index - Int32(offset))
      }
      (start, end) = (try midnight(month), try midnight(current))
    }

    var yaml: String { "\(name): {day: \(anchorDay), offset: \(offset)}" }
  }

  private let database: ScratchDatabase
  private let service: ServiceProcess
  private let acme: Tenant
  private let globex: Tenant
  private let file = "\(ScratchCluster.root)/calendars-\(UUID().uuidString.prefix(8)).yaml"

  init() throws {
    acme = try Tenant("acme", daysAgo: 3, offset: 2)
    globex = try Tenant("globex", daysAgo: 9, offset: -5)
    database = try ScratchDatabase()
    service = ServiceProcess(
      ["--config", file, "--acceptance-back", "70d", "--dedup-window", "71d"], database: database)
    try configure(acme.yaml, globex.yaml)
  }

  private func configure(_ calendars: String...) throws {
    let lines = ["calendars:"] + calendars.map { "  \($0)" }
    try (lines.joined(separator: "\n") + "\n").write(
      toFile: file, atomically: true, encoding: .utf8)
  }

  private func run(_ arguments: String...) throws -> ServiceProcess.Result {
    try service.run(
      arguments + ["--config", file, "--data-directory", service.data] + service.databaseArguments)
  }

  /// Sends a record of an hour and gives its verdicts.
  private func send(_ number: Int, _ tenant: Tenant, _ hour: Hour) throws -> [Verdict: UInt64] {
    let record = UsageSource.record(
      number, time: hour.start.milliseconds, tenant: tenant.name, quantity: 1 << Int64(number))
    return try UsageSource.send([record], to: service.udp, source: "s\(number)").verdicts
      .filter { $0.value > 0 }
  }

  /// Periods as the table has them: tenant, name, bounds, state and records.
  private func periods() throws -> [String] {
    try service.flush()
    let rows = try database.administrator().execute(
      """
      SELECT concat_ws(' ', tenant, name, to_char(timezone('UTC', period_start), 'MM-DD HH24'),
        to_char(timezone('UTC', period_end), 'MM-DD HH24'), state, records)
      FROM weighbridge.billing_periods ORDER BY tenant, period_start
      """)
    return (0..<rows.count).map { rows.text($0, 0) }
  }

  /// A period as ``periods()`` has it.
  private func text(_ tenant: Tenant, records: Int? = nil) -> String {
    func short(_ hour: Hour) -> String {
      hour.text.dropFirst(5).prefix(8).replacingOccurrences(of: "T", with: " ")
    }
    return "\(tenant.name) \(tenant.month.text) \(short(tenant.start)) \(short(tenant.end)) "
      + (records.map { "finalized \($0)" } ?? "open")
  }

  @Test(
    "periods begin and end at their own hours, over a crash, and stay as they are",
    .timeLimit(.minutes(4)))
  func twoCalendars() throws {
    try service.start()
    // The last hour of the ended period and the first one after it.
    for (number, tenant) in [acme, globex].enumerated() {
      let last = Hour(index: tenant.end.index - 1)
      #expect(try send(2 * number, tenant, last) == [.accepted: 1])
      #expect(try send(2 * number + 1, tenant, tenant.end) == [.accepted: 1])
    }
    let open = try periods()
    #expect(open.count == 4 && open[0] == text(acme) && open[2] == text(globex), "\(open)")

    let dry = try run(
      "period", "finalize", "--period", acme.month.text, "--tenant", "acme", "--dry-run")
    #expect(dry.output.contains("from \(acme.start.text) to \(acme.end.text)"), "\(dry)")
    #expect(try periods() == open)
    let done = try run("period", "finalize", "--period", acme.month.text, "--tenant", "acme")
    #expect(done.status == 0, "\(done)")
    let finalized = try periods()
    #expect(finalized[0] == text(acme, records: 1) && finalized[1...] == open[1...])

    service.kill()
    try service.start()
    // One hour is late for one tenant and in time for the other one.
    let before = Hour(index: min(acme.end.index, globex.end.index) - 2)
    #expect(try send(10, acme, before) == [.late: 1])
    #expect(try send(11, globex, before) == [.accepted: 1])
    #expect(try send(12, acme, acme.end) == [.accepted: 1])
    #expect(try periods() == finalized)
    let adjustments = try run("adjustments")
    #expect(adjustments.output.contains("acme    \(acme.end.text)"), "\(adjustments)")

    let list = try run("period", "list")
    let row = "acme    \(acme.month.text)  \(acme.start.text)  \(acme.end.text)  finalized"
    #expect(list.output.contains(row), "\(list)")
    let next = "acme    \(acme.month.next?.text ?? "")  \(acme.end.text)"
    #expect(list.output.contains(next), "\(list)")
    #expect(list.output.contains("\(globex.start.text)  \(globex.end.text)  open"), "\(list)")

    #expect(try run("verify").status == 0)
    for tenant in [acme, globex] {
      let found = try run(
        "verify", "--period", tenant.month.text, "--tenant", tenant.name, "--json")
      #expect(found.status == 0 && found.output.contains(#""outcome" : "equal""#), "\(found)")
    }
    #expect(try service.stop() == 0)
  }

  @Test("a calendar that moves what has begun stops the start", .timeLimit(.minutes(3)))
  func refusedChange() throws {
    try service.start()
    #expect(try send(0, acme, Hour(index: acme.end.index - 1)) == [.accepted: 1])
    #expect(try send(1, acme, acme.end) == [.accepted: 1])
    let kept = try periods()
    #expect(try service.stop() == 0)
    let moved = "acme: {day: \(acme.anchorDay), offset: \(acme.offset - 1)}"
    try configure(moved, globex.yaml)
    try service.launch()
    #expect(try service.exitStatus() == 1)
    let later = try #require(acme.month.next?.next)
    for part in [
      "calendar of tenant acme: period \(acme.month.text) begins at \(acme.start.text) by the log",
      "and at \(Hour(index: acme.start.index + 1).text) by the configuration",
      "a calendar changes from \(later.text) on at the earliest",
    ] {
      #expect(service.log.contains(part), "\(part): \(service.log)")
    }

    // From the named period on it may change, and what had begun stays as it was.
    try configure(
      "acme: [{day: \(acme.anchorDay), offset: \(acme.offset)}, "
        + "{from: \(later.text), day: 28, offset: 0}]", globex.yaml)
    try service.start()
    #expect(try send(2, acme, acme.end) == [.accepted: 1])
    let changed = try periods()
    #expect(changed[0] == kept[0] && changed[1].hasPrefix(kept[1].prefix(22)), "\(changed)")
    #expect(changed[1].contains("-28 00 open"), "\(changed)")
    #expect(try run("verify").status == 0)
    #expect(try service.stop() == 0)
  }
}
