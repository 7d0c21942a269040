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
    _ = try database.flush(
      maker.next(
        rollups: [
          storage(january, "put", 10), storage(Hour(index: january.index + 3), "delete", -12),
          storage(Hour(index: january.index + 3), "put", 1),
          storage(Hour(index: january.index + 7), "put", 30),
          increment("a", Hour(index: january.index + 3), quantity: -99),
        ], finalizing: [("a", Months.january)]))
    _ = try database.flush(
      maker.next(
        adjustments: [lost], closedHours: [Hour(index: february.index + 2)]))
    _ = try database.flush(
      maker.next(
        rollups: [increment("b", january, kind: .storage, quantity: -7)]))
    var found: [NegativeLevel] = []
    try database.snapshot { try $0.negativeLevels(of: "a") { found.append($0) } }
    let third = Hour(index: january.index + 3)
    #expect(
      found == [
        NegativeLevel(
          cause: storage(third, "delete", 0).subject, since: third,
          until: Hour(index: january.index + 7), lowest: -1, originHour: third, quantity: -12),
        NegativeLevel(
          cause: lost.subject, since: february, until: Hour(index: february.index + 3),
          lowest: -21, originHour: january, quantity: -50),
      ])
    try database.snapshot { try $0.negativeLevels { found.append($0) } }
    #expect(found.map(\.cause.tenant) == ["a", "a", "a", "a", "b"])
  }
}
