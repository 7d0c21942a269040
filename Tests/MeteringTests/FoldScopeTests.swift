import SegmentLog
import Testing
import Wire

@testable import Metering

/// A fold of one period, beside a fold of everything that is cut by hand.
@Suite("The fold of one period")
struct FoldScopeTests {
  /// The starts of the periods from 2025-12 on.
  private static let starts = [
    "acme": [
      "2025-12-10T05:00:00Z", "2026-01-10T05:00:00Z", "2026-02-10T05:00:00Z",
      "2026-03-10T05:00:00Z",
    ],
    "far": [
      "2025-12-27T10:00:00Z", "2026-01-27T10:00:00Z", "2026-02-27T10:00:00Z",
      "2026-03-27T10:00:00Z",
    ],
    "plain": [
      "2025-12-01T00:00:00Z", "2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z",
      "2026-03-01T00:00:00Z",
    ],
  ]
  private static let december = BillingPeriod(month: BillingPeriod.january.month - 1)

  private let calendars: CalendarTable
  private var key: UInt128 = 0
  private var sequence: UInt64 = 0

  init() throws {
    calendars = try CalendarTable(entries: [
      CalendarEntry(tenant: "acme", from: .earliest, calendar: .with(day: 10, offset: -5)),
      CalendarEntry(tenant: "far", from: .earliest, calendar: .with(day: 28, offset: 14)),
    ])
  }

  /// Usage of all tenants in the last millisecond before some times, and in the first one.
  private mutating func add(_ world: LedgerWorld, around times: [String]) throws -> [UsageRecord] {
    var records: [UsageRecord] = []
    for text in times {
      let time = try #require(Timestamp(rfc3339: text)).milliseconds
      for tenant in Self.starts.keys.sorted() {
        for place in [time - 1, time] {
          key += 1
          records.append(
            .test(
              key, tenant: tenant, kind: key.isMultiple(of: 2) ? .compute : .storage, at: place,
              quantity: Int64(truncatingIfNeeded: key)))
        }
      }
    }
    sequence += 1
    try world.judge(TestBatch(sequence: sequence, records: records))
    return records
  }

  /// Voids the first of some records and amends the second.
  private func correct(_ world: LedgerWorld, _ records: ArraySlice<UsageRecord>) throws {
    for (number, record) in records.enumerated() {
      let found = FoundRecord(
        position: LogPosition(1 << 40 + UInt64(truncatingIfNeeded: record.quantity)),
        booked: BookedRecord(record: record, weight: 1, bookingStart: nil))
      if number.isMultiple(of: 2) {
        _ = try world.ledger.void(found, operatorName: "olga", reason: "test")
      } else {
        var amendment = Amendment()
        amendment.quantity = record.quantity + 1_000
        _ = try world.ledger.amend(found, amendment, operatorName: "olga", reason: "test")
      }
      world.take()
    }
  }

  /// Usage at the edges of December and January, late usage of both, and corrections before and
  /// after they are finalized.
  private mutating func makeWorld() throws -> LedgerWorld {
    var configuration = LedgerWorld.configuration()
    configuration.calendars = calendars
    configuration.segmentSize = 1
    let world = LedgerWorld(configuration)
    let edges = ["2026-01-01T00:00:00Z", "2026-01-10T05:00:00Z", "2026-01-27T10:00:00Z"]
    let first = try add(world, around: edges)
    try correct(world, first[0..<2])
    world.tick(after: 3 * Hour.milliseconds)
    try world.flush(token: 1)
    for tenant in Self.starts.keys.sorted() { try world.finalize(Self.december, tenant) }
    let second = try add(world, around: edges)
    try correct(world, first[2..<10])
    let end = try #require(Timestamp(rfc3339: "2026-02-10T05:00:00Z")).milliseconds
    world.tick(after: end - Hour.milliseconds / 2 - world.now)
    try world.flush(token: 2)
    _ = try add(world, around: ["2026-02-01T00:00:00Z", "2026-02-10T05:00:00Z"])
    world.tick(after: 3 * Hour.milliseconds)
    try world.flush(token: 3)
    for tenant in ["acme", "plain"] { try world.finalize(.january, tenant) }
    _ = try add(world, around: ["2026-01-27T10:00:00Z", "2026-02-10T05:00:00Z"])
    try correct(world, first[10..<18])
    #expect(second.count == first.count)
    try world.flush(token: 4)
    return world
  }

  private func isInside(_ key: PostgresModel.Key, _ period: BillingPeriod) throws -> Bool {
    let starts = try #require(Self.starts[key.subject.tenant])
    let place = Int(period.month - Self.december.month)
    let hour = key.booking ?? key.hour
    return try Hour(parsing: starts[place]) <= hour && hour < Hour(parsing: starts[place + 1])
  }

  @Test mutating func itHasExactlyTheRowsOfThePeriod() throws {
    let world = try makeWorld()
    let checkpoint = world.postgres.checkpoint
    let all = try world.fold(upTo: checkpoint).sums
    #expect(all == world.postgres.rows.sums)
    var rows = 0
    for period in [Self.december, .january, .february] {
      for tenant in [nil, "acme", "far", "plain"] {
        let scope = FoldScope(tenant: tenant, period: period, calendars: calendars)
        let expected = try all.filter { key, _ in
          try (tenant == nil || key.subject.tenant == tenant) && isInside(key, period)
        }
        #expect(expected.isEmpty == (tenant == "far" && period == .february))
        #expect(
          try world.fold(upTo: checkpoint, scope: scope).sums == expected,
          "\(tenant ?? "all") in \(period.text)")
        for key in all.keys {
          #expect(
            scope.contains(key.subject.tenant, hour: key.hour, bookingStart: key.booking)
              == (expected[key] != nil))
          // Whoever looks through the hull first misses nothing.
          #expect(expected[key] == nil || scope.hull.contains(key.booking ?? key.hour))
        }
        if tenant == nil { rows += expected.count }
      }
    }
    // No row is in two periods, and none is in no period.
    #expect(rows == all.count)
  }

  /// What the test above is about is there: rows at both edges of each kind, and negatives.
  @Test mutating func theEdgesAreThere() throws {
    let world = try makeWorld()
    let rows = world.postgres.rows.sums
    func has(_ tenant: String, _ hour: String, booking: String?) throws -> Bool {
      let (hour, booking) = (try Hour(parsing: hour), try booking.map { try Hour(parsing: $0) })
      return rows.keys.contains {
        $0.subject.tenant == tenant && $0.hour == hour && $0.booking == booking
      }
    }
    let (start, end) = ("2026-01-10T05:00:00Z", "2026-02-10T05:00:00Z")
    #expect(try has("acme", "2026-01-10T04:00:00Z", booking: nil))
    #expect(try has("acme", start, booking: nil))
    #expect(try has("acme", "2026-02-10T04:00:00Z", booking: nil))
    #expect(try has("acme", end, booking: nil))
    #expect(try has("acme", "2026-01-10T04:00:00Z", booking: start))
    #expect(try has("acme", "2026-02-10T04:00:00Z", booking: end))
    #expect(try has("far", "2026-01-27T09:00:00Z", booking: "2026-01-27T10:00:00Z"))
    #expect(rows.values.contains { $0.count < 0 })
  }

  @Test func knownBoundsAreThoseOfTheCalendar() {
    let scope = FoldScope(tenant: "acme", period: .january, calendars: calendars)
    #expect(scope.hull.start.text == "2026-01-10T05:00:00Z")
    #expect(scope.hull.end.text == "2026-02-10T05:00:00Z")
    #expect(scope == FoldScope(tenant: "acme", bounds: scope.hull))
    #expect(scope.bounds(of: "far") == nil)
    let all = FoldScope(period: .january, calendars: calendars)
    #expect(all.bounds(of: "acme") == scope.hull)
    #expect(all.bounds(of: "plain") == PeriodBounds(monthOf: .january))
    #expect(all.hull.start.text == "2026-01-01T00:00:00Z")
    #expect(all.hull.end.text == "2026-02-27T10:00:00Z")
  }
}
