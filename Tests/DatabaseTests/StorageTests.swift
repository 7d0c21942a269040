import Metering
import Postgres
import SeededRandom
import Testing
import Wire

@testable import Database

/// Stored bytes over time, against a model that keeps every change.
@Suite("Storage")
struct StorageTests {
  /// A change of stored bytes, as it is sent.
  private struct Change {
    var quantity: Int64
    var time: Timestamp
  }

  /// What the tables must say, made from single changes.
  private struct Model {
    /// The hour from whose end on, or the period from whose start on, a change is in the level.
    var effects: [(hour: Hour, isLate: Bool, quantity: Int128)] = []
    var own: [Hour: Int128] = [:]
    var late: [Hour: Int128] = [:]

    func row(_ hour: Hour) -> StorageHour {
      var (before, after): (Int128, Int128) = (0, 0)
      for effect in effects where effect.hour <= hour {
        after += effect.quantity
        if effect.hour < hour || effect.isLate { before += effect.quantity }
      }
      return StorageHour(
        hour: hour, level: after,
        byteMilliseconds: before * Int128(Hour.milliseconds) + own[hour, default: 0],
        lateByteMilliseconds: late[hour, default: 0])
    }
  }

  private static let tenant = "a"

  private func rows(
    _ database: RollupDatabase, from: Hour? = nil, to: Hour? = nil
  ) throws -> [StorageHour] {
    var rows: [StorageHour] = []
    try database.snapshot {
      try $0.storageHours(of: Self.tenant, from: from, to: to) { rows.append($0) }
    }
    return rows
  }

  /// Changes between December and March, some of them followed by their own void.
  private func changes(_ random: inout SplitMix64) -> [Change] {
    let start = BillingPeriod(month: 671).firstHour.start.milliseconds
    let length = BillingPeriod(month: 675).firstHour.start.milliseconds - start
    var changes: [Change] = []
    for _ in 0..<40 {
      let change = Change(
        quantity: Int64(bitPattern: random.next()) >> Int64(random.next() % 62),
        time: Timestamp(milliseconds: start + Int64(random.next() % UInt64(length))))
      changes.append(change)
      if random.next() % 4 == 0 {
        changes.append(Change(quantity: 0 - change.quantity, time: change.time))
      }
    }
    return changes
  }

  /// What was certain before a run with another order of arrival.
  private struct Outcome: Equatable {
    var total: Int128
    var level: Int128
  }

  /// Sends the changes in an order, finalizing periods in between, and compares.
  private func run(
    _ changes: [Change], _ calendars: CalendarTable, _ random: inout SplitMix64
  ) throws -> Outcome {
    let database = try ScratchDatabase().rollups()
    var maker = BatchMaker()
    maker.calendars = calendars
    let schedule = calendars.schedule(of: Self.tenant)
    var model = Model()
    var rollups: [Hour: RollupIncrement] = [:]
    var adjustments: [Hour: AdjustmentIncrement] = [:]
    var next = schedule.bounds(of: BillingPeriod(month: 670))
    var isFinalized = false
    func send(finalizing: [(String, BillingPeriod)] = []) throws {
      let batch = maker.next(
        rollups: rollups.values.sorted { $0.hour < $1.hour },
        adjustments: adjustments.values.sorted { $0.originHour < $1.originHour },
        finalizing: finalizing)
      _ = try database.flush(batch)
      (rollups, adjustments) = ([:], [:])
    }
    for change in changes {
      let hour = Hour(containing: change.time)
      let quantity = Int128(change.quantity)
      if isFinalized, hour < next.start {
        let bytes = StorageArithmetic.lateByteMilliseconds(
          quantity: change.quantity, time: change.time, bookingStart: next.start.start)
        var entry = late(Self.tenant, hour, bookedIn: next.period, kind: .storage)
        entry.bookingStart = next.start
        entry.sums = adjustments[hour]?.sums ?? UsageSums()
        entry.sums += UsageSums(count: 1, quantity: quantity, byteMilliseconds: bytes)
        adjustments[hour] = entry
        model.effects.append((next.start, true, quantity))
        model.late[next.start, default: 0] += bytes
      } else {
        let bytes = StorageArithmetic.byteMilliseconds(
          quantity: change.quantity, time: change.time)
        var entry = increment(Self.tenant, hour, kind: .storage)
        entry.sums = rollups[hour]?.sums ?? UsageSums()
        entry.sums += UsageSums(count: 1, quantity: quantity, byteMilliseconds: bytes)
        rollups[hour] = entry
        model.effects.append((hour, false, quantity))
        model.own[hour, default: 0] += bytes
      }
      switch random.next() % 8 {
      case 0: try send()
      case 1 where next.period < BillingPeriod(month: 674):
        try send(finalizing: [(Self.tenant, next.period)])
        isFinalized = true
        next = schedule.period(containing: next.end)
      default: break
      }
    }
    try send()
    return try compare(database, &maker, model, &random)
  }

  private func compare(
    _ database: RollupDatabase, _ maker: inout BatchMaker, _ model: Model,
    _ random: inout SplitMix64
  ) throws -> Outcome {
    #expect(try rows(database).isEmpty, "no hour is closed yet")
    let last = BillingPeriod(month: 675).firstHour
    _ = try database.flush(maker.next(closedHours: [last]))
    let found = try rows(database)
    let first = model.effects.map(\.hour).min() ?? last
    #expect(found == (first.index...last.index).map { model.row(Hour(index: $0)) })
    // Any range gives the same rows, whatever finalized period its sums begin at.
    for _ in 0..<4 {
      let bounds = [0, 1].map { _ in
        Hour(index: first.index - 9 + Int32(random.next() % UInt64(last.index - first.index + 20)))
      }
      let (from, to) = (min(bounds[0], bounds[1]), max(bounds[0], bounds[1]))
      #expect(
        try rows(database, from: from, to: to)
          == found.filter { $0.hour >= from && $0.hour < to })
    }
    return Outcome(
      total: found.reduce(0) { $0 + $1.byteMilliseconds + $1.lateByteMilliseconds },
      level: found.last?.level ?? 0)
  }

  @Test(
    "byte-hours and levels are the model's, hour by hour, and in sum those of any order of arrival",
    arguments: [1, 2, 3, 4, 5] as [UInt64])
  func orders(seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    let calendars =
      seed == 1
      ? CalendarTable.empty
      : try PeriodTests.calendars(
        anchorDay: 1 + Int(random.next() % 28), offsetHours: Int(random.next() % 27) - 12)
    let changes = changes(&random)
    let end = BillingPeriod(month: 675).firstHour.end.milliseconds
    let naive = Outcome(
      total: changes.reduce(0) {
        $0 + Int128($1.quantity) * Int128(end - $1.time.milliseconds)
      },
      level: changes.reduce(0) { $0 + Int128($1.quantity) })
    for _ in 0..<3 {
      let found = try run(changes.shuffled(using: &random), calendars, &random)
      #expect(found == naive, "seed \(seed)")
    }
  }

  @Test("a span of hours with less than nothing stored names the rows that it begins with")
  func negative() throws {
    let scratch = try ScratchDatabase()
    let database = try scratch.rollups()
    var maker = BatchMaker()
    let january = Months.january.firstHour
    let february = Months.february.firstHour
    func storage(_ hour: Hour, _ operation: String, _ quantity: Int128) -> RollupIncrement {
      increment("a", hour, kind: .storage, operation: operation, quantity: quantity)
    }
    let lost = late("a", january, bookedIn: Months.february, kind: .storage, quantity: -50)
    var batch = maker.next(
      rollups: [
        storage(january, "put", 10), storage(Hour(index: january.index + 3), "delete", -12),
        storage(Hour(index: january.index + 3), "put", 1),
        storage(Hour(index: january.index + 7), "put", 30),
        increment("a", Hour(index: january.index + 3), quantity: -99),
      ], finalizing: [("a", Months.january)])
    batch.finalizations[0].run = 7
    _ = try database.flush(batch)
    _ = try database.flush(
      maker.next(
        adjustments: [lost], closedHours: [Hour(index: february.index + 2)]))
    _ = try database.flush(
      maker.next(
        rollups: [increment("b", january, kind: .storage, quantity: -7)]))
    let third = Hour(index: january.index + 3)
    let view = try scratch.reader().execute(
      """
      SELECT tenant, to_char(timezone('UTC', since), 'MM-DD HH24'), lowest, operation, quantity
      FROM weighbridge.negative_levels ORDER BY tenant, since
      """)
    #expect(
      (0..<view.count).map { row in (0..<5).map { view.text(row, $0) }.joined(separator: " ") } == [
        "a 01-01 03 -1 delete -12", "a 02-01 00 -21 op -50", "b 01-01 00 -7 op -7",
      ])
    func found(_ period: BillingPeriod, of tenant: String? = nil) throws -> [NegativeLevel] {
      var found: [NegativeLevel] = []
      try database.snapshot { try $0.negativeLevels(in: period, of: tenant) { found.append($0) } }
      return found
    }
    let first = NegativeLevel(
      tenant: "a", since: third, until: Hour(index: january.index + 7), lowest: -1,
      causes: [cause(third, "delete", -12)])
    #expect(try found(Months.january, of: "a") == [first])
    #expect(
      first.description
        == "tenant a has less than nothing stored from 2026-01-01T03:00:00Z to "
        + "2026-01-01T07:00:00Z, lowest -1 bytes: -12 by delete in hour 2026-01-01T03:00:00Z")
    let second = NegativeLevel(
      tenant: "a", since: february, until: Hour(index: february.index + 3), lowest: -21,
      causes: [cause(january, "op", -50)])
    #expect(try found(Months.february) == [second])
    var others = second
    others.causes = Array(repeating: second.causes[0], count: 5)
    #expect(others.description.hasSuffix("; and 2 more"))
    #expect(try found(Months.january).map(\.tenant) == ["a", "b"])
    var ofRun: [NegativeLevel] = []
    try database.snapshot { try $0.negativeLevels(ofRun: 7) { ofRun.append($0) } }
    #expect(ofRun == [first])
    _ = try database.flush(
      maker.next(
        closedHours: [Hour(index: Months.march.firstHour.index + 1)],
        finalizing: [("a", Months.february)]))
    #expect(try found(Months.february, of: "a").map(\.until) == [Months.march.firstHour])
    let opened = try #require(try found(Months.march, of: "a").first)
    #expect(opened.causes.isEmpty && opened.lowest == -21 && opened.since == Months.march.firstHour)
    #expect(opened.description.hasSuffix("it began so, see the period before"))
  }

  private func cause(
    _ hour: Hour, _ operation: String, _ quantity: Int128
  ) -> NegativeLevel.Cause {
    NegativeLevel.Cause(
      originHour: hour, operation: operation, contextType: .other, context: "", quantity: quantity)
  }
}
