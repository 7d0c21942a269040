import SeededRandom
import Testing
import Wire

@testable import Metering

@Suite("Calendars of tenants")
struct CalendarTableTests {
  private func table(
    _ entries: (String, Int32, Int, Int)...
  ) throws(CalendarTableError)
    -> CalendarTable
  {
    try CalendarTable(
      entries: entries.map { tenant, month, day, offset in
        CalendarEntry(
          tenant: tenant, from: BillingPeriod(month: month),
          calendar: .with(day: day, offset: offset))
      })
  }

  @Test func onlyDaysAndOffsetsThatEveryMonthHas() {
    for (day, offset) in [(0, 0), (29, 0), (1, -13), (1, 15), (.min, 0), (1, .max)] {
      #expect(PeriodCalendar(anchorDay: day, offsetHours: offset) == nil)
    }
    #expect(PeriodCalendar(anchorDay: 1, offsetHours: 0) == .months)
  }

  @Test func periodsBeginAtLocalMidnight() throws {
    let table = try table(("acme", 0, 15, 2), ("zebra", 0, 1, -5))
    let acme = table.schedule(of: "acme").bounds(of: .january)
    #expect(acme.start.text == "2026-01-14T22:00:00Z" && acme.end.text == "2026-02-14T22:00:00Z")
    let zebra = table.schedule(of: "zebra").bounds(of: .february)
    #expect(zebra.start.text == "2026-02-01T05:00:00Z" && zebra.end.text == "2026-03-01T05:00:00Z")
    #expect(table.schedule(of: "other").bounds(of: .january) == PeriodBounds(monthOf: .january))
    #expect(table.schedule(of: "").entries.isEmpty && table.schedule(of: "zzz").entries.isEmpty)
  }

  @Test func aChangeMakesThePeriodBeforeItShorterOrLonger() throws {
    let schedule = try table(("acme", 0, 1, 0), ("acme", 674, 20, 3)).schedule(of: "acme")
    #expect(schedule.bounds(of: .january) == PeriodBounds(monthOf: .january))
    #expect(schedule.bounds(of: .february).end.text == "2026-03-19T21:00:00Z")
    #expect(schedule.bounds(of: .march).start.text == "2026-03-19T21:00:00Z")
    #expect(
      throws: CalendarTableError.emptyPeriod(tenant: "acme", BillingPeriod(month: 673))
    ) { try table(("acme", 0, 28, -12), ("acme", 674, 1, 14)) }
    #expect(
      throws: CalendarTableError.duplicate(tenant: "acme", from: BillingPeriod(month: 7))
    ) { try table(("acme", 7, 2, 0), ("b", 7, 2, 0), ("acme", 7, 1, 0)) }
    #expect(throws: CalendarTableError.tenantInvalid(tenant: "")) { try table(("", 0, 1, 0)) }
  }

  @Test func everyHourLiesInOnePeriodAndPeriodsJoin() throws {
    var random = SplitMix64(seed: 5)
    for _ in 0..<200 {
      var entries: [CalendarEntry] = []
      for _ in 0...Int.random(in: 0...3, using: &random) {
        entries.append(
          CalendarEntry(
            tenant: "a", from: BillingPeriod(month: Int32.random(in: 0...700, using: &random)),
            calendar: .with(
              day: Int.random(in: PeriodCalendar.anchorDays, using: &random),
              offset: Int.random(in: PeriodCalendar.offsets, using: &random))))
      }
      guard let table = try? CalendarTable(entries: entries) else { continue }
      let schedule = table.schedule(of: "a")
      for _ in 0..<50 {
        let period = BillingPeriod(month: Int32.random(in: 1...800, using: &random))
        let bounds = schedule.bounds(of: period)
        #expect(bounds.start < bounds.end)
        #expect(schedule.bounds(of: try #require(period.next)).start == bounds.end)
        for hour in [
          bounds.start, bounds.lastHour,
          Hour(index: Int32.random(in: bounds.start.index..<bounds.end.index, using: &random)),
        ] { #expect(schedule.period(containing: hour) == bounds) }
      }
    }
  }

  @Test func theEndsOfTimeAreNotLeft() throws {
    let schedule = try table(("a", 0, 28, -12), ("b", 0, 1, 14)).schedule(of: "a")
    #expect(schedule.period(containing: Hour(index: 0)).period == .earliest)
    #expect(schedule.bounds(of: .latest).end == BillingPeriod.latest.endHour)
    #expect(schedule.period(containing: BillingPeriod.latest.lastHour).period == .latest)
    #expect(try table(("b", 0, 1, 14)).schedule(of: "b").start(of: .earliest).index == 0)
  }
}

@Suite("A ledger keeps to calendars")
struct LedgerCalendarTests {
  private let day: Int64 = 86_400_000

  private func world(_ entries: [CalendarEntry]) throws -> LedgerWorld {
    var configuration = LedgerWorld.configuration()
    configuration.calendars = try CalendarTable(entries: entries)
    return LedgerWorld(configuration)
  }

  private func entry(_ from: BillingPeriod, _ day: Int, _ offset: Int) -> CalendarEntry {
    CalendarEntry(tenant: "acme", from: from, calendar: .with(day: day, offset: offset))
  }

  @Test func periodsEndWhereTheCalendarSays() throws {
    // The log begins at 2026-01-31T22:00:00Z.
    let world = try world([entry(.earliest, 2, 1)])
    try world.judge(TestBatch(sequence: 1, records: [.test(1), .test(2, tenant: "other")]))
    world.tick(after: 4 * 3_600_000)
    try world.flush(token: 1)
    #expect(world.ledger.tenantsOpen(in: .january) == ["acme", "other"])
    #expect(throws: FinalizeRefusal.self) { try world.finalize(.january, "acme") }
    #expect(try world.finalize(.january, "other").bounds == PeriodBounds(monthOf: .january))
    for _ in 0..<8 { world.tick(after: 6 * 3_600_000) }
    try world.flush(token: 2)
    let bounds = try world.finalize(.january, "acme").bounds
    #expect(
      bounds.start.text == "2026-01-01T23:00:00Z" && bounds.end.text == "2026-02-01T23:00:00Z")
    // An hour of February in UTC that belongs to January here.
    let record = UsageRecord.test(
      3, kind: .storage, at: bounds.end.start.milliseconds - 10, quantity: 4)
    let late = try world.judge(TestBatch(sequence: 2, records: [record]))
    #expect(late.codes(1) == [AckCode.late.rawValue])
    try world.flush(token: 3)
    let key = try #require(world.postgres.rows.sums.keys.first { $0.booking != nil })
    #expect(key.booking == bounds.end)
    #expect(world.postgres.rows.sums[key]?.byteMilliseconds == 40)
    world.postgres.checkSealed()
  }

  @Test func aPeriodThatHasBegunStaysAsItIs() throws {
    let world = try world([entry(.earliest, 15, 0)])
    try world.judge(TestBatch(sequence: 1, records: [.test(1)]))
    world.sync()
    func restart(_ entries: [CalendarEntry]) throws {
      var configuration = LedgerWorld.configuration()
      configuration.calendars = try CalendarTable(entries: entries)
      world.configuration = configuration
      world.crash()
      try world.recover(starting: false)
      try world.ledger.start(wall: Timestamp(milliseconds: world.now), monotonic: world.now)
      world.take()
      world.sync()
    }
    // The current period began on 15 January; February has not begun.
    #expect(throws: CalendarChange.self) { try restart([]) }
    #expect(throws: CalendarChange.self) { try restart([entry(.earliest, 15, 1)]) }
    #expect(throws: CalendarChange.self) {
      try restart([entry(.earliest, 15, 0), entry(.january, 16, 0)])
    }
    let begun = #expect(throws: CalendarChange.self) {
      try restart([entry(.earliest, 15, 0), entry(.february, 1, 3)])
    }
    #expect(begun?.description.contains("2026-02 begins at 2026-02-15T00:00:00Z") == true)
    try restart([entry(.earliest, 15, 0), entry(.february, 1, -12)])
    try restart([entry(.earliest, 15, 0), entry(.february, 1, -11)])
    // Another tenant's calendar may change while it has no usage.
    try restart([
      entry(.earliest, 15, 0), entry(.february, 1, -11),
      CalendarEntry(tenant: "new", from: .earliest, calendar: .with(day: 9, offset: 9)),
    ])
  }
}
