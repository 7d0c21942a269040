import Metering
import SeededRandom
import SegmentLog
import Server
import Testing
import Wire

/// The comparison of `weighbridge verify`, against a comparison by dictionary.
@Suite struct VerifyComparisonTests {
  private func row(
    _ tenant: String = "acme", kind: UsageKind = .compute, operation: String = "read",
    context: String = "", hour: Int32 = 10, booking: Int32? = nil, quantity: Int128 = 1
  ) -> RollupRow {
    RollupRow(
      subject: UsageSubject(
        tenant: tenant, kind: kind, operation: operation, contextType: .project, context: context),
      hour: Hour(index: hour), bookingStart: booking.map { Hour(index: $0) },
      sums: UsageSums(count: 1, quantity: quantity, weighted: quantity, digest: 7))
  }

  private struct Key: Hashable {
    var subject: UsageSubject
    var hour: Hour
    var bookingStart: Hour?

    init(_ row: RollupRow) {
      (subject, hour, bookingStart) = (row.subject, row.hour, row.bookingStart)
    }
  }

  private func compare(
    _ expected: [RollupRow], _ found: [RollupRow], gone: Set<SegmentSummary.HourKind> = [],
    limit: Int = 10
  ) -> RollupComparison {
    var rows: [Key: (row: RollupRow, expected: UsageSums?, found: UsageSums?)] = [:]
    for row in expected { rows[Key(row), default: (row, nil, nil)].expected = row.sums }
    for row in found { rows[Key(row), default: (row, nil, nil)].found = row.sums }
    var comparison = RollupComparison(limit: limit)
    for (key, entry) in rows {
      comparison.take(
        expected: entry.expected, found: entry.found,
        isGone: gone.contains(.init(hour: key.hour, kind: key.subject.kind))
      ) { entry.row }
    }
    return comparison
  }

  private func verification(_ usage: RollupComparison) -> Verification {
    Verification(
      checkpoints: [.beginning], segments: 1, deletedSegments: 0, records: 1, usage: usage,
      adjustments: compare([], []), deletedHours: HourComparison(.none, limit: 1),
      periods: PeriodComparison(limit: 1))
  }

  @Test func nothingEqualsNothing() {
    let result = compare([], [])
    #expect(result.equal == 0 && result.differing == 0 && result.incomparable == 0)
    #expect(verification(result).outcome == .equal)
    #expect(verification(result).exit == .done)
  }

  /// Kinds stand in Postgres by name: storage before traffic, unlike their numbers.
  @Test func differencesAreInTheOrderOfTheirKeys() {
    let rows = [
      row(kind: .compute), row(kind: .storage), row(kind: .traffic), row(kind: .traffic, hour: 11),
      row("b", kind: .compute, hour: 1),
    ]
    #expect(compare(rows.reversed(), []).differences.map(\.row) == rows)
    #expect(compare(rows.reversed(), [], limit: 2).differences.map(\.row) == Array(rows[..<2]))
    #expect(compare(rows.reversed(), rows).equal == 5)
  }

  @Test func rowsThatDifferAreNamedWithTheirColumns() {
    let result = compare([row("a"), row("b", quantity: 5), row("c")], [row("b", quantity: 6)])
    #expect(result.differing == 3 && result.equal == 0)
    #expect(
      result.differences.map(\.description) == [
        "usage_hourly (a, 1970-01-01T10:00:00Z, compute, read, project, \"\"): missing in Postgres",
        "usage_hourly (b, 1970-01-01T10:00:00Z, compute, read, project, \"\"): "
          + "quantity is 6, the log gives 5; weighted is 6, the log gives 5",
        "usage_hourly (c, 1970-01-01T10:00:00Z, compute, read, project, \"\"): missing in Postgres",
      ])
    #expect(verification(result).exit == .refused)
  }

  @Test func everySumCounts() {
    let expected = row()
    for change in 0..<5 {
      var found = expected
      switch change {
      case 0: found.sums.count += 1
      case 1: found.sums.quantity += 1
      case 2: found.sums.weighted += 1
      case 3: found.sums.byteMilliseconds += 1
      default: found.sums.digest += 1
      }
      let result = compare([expected], [found])
      #expect(result.differing == 1)
      #expect(result.differences.first?.columns.count == 1)
    }
  }

  @Test func adjustmentsDifferByTheirBookingPeriod() {
    let result = compare([row(booking: 5)], [row(booking: 6)])
    #expect(result.differing == 2)
    #expect(result.differences.first?.description.contains("usage_adjustments (acme") == true)
    #expect(
      result.differences.first?.description.contains("booked in 1970-01-01T05:00:00Z") == true)
  }

  /// Unicode calls both the same; Postgres keeps them apart by their bytes, and so must this.
  @Test func equivalentTextsAreDifferentKeys() {
    let composed = row(context: "\u{E9}")
    let decomposed = row(context: "e\u{301}")
    #expect(compare([composed, decomposed], [decomposed, composed]).equal == 2)
    #expect(compare([composed], [decomposed]).differing == 2)
  }

  @Test func onlyTheFirstDifferencesAreKept() {
    let rows = (0..<25).map { row(hour: $0) }
    let result = compare(rows, [], limit: 10)
    #expect(result.differing == 25 && result.differences.count == 10)
    #expect(result.differences.first?.row.hour == Hour(index: 0))
  }

  @Test func usageOfDeletedSegmentsIsBeyondRetention() {
    let gone: Set = [SegmentSummary.HourKind(hour: Hour(index: 10), kind: .compute)]
    // The log has a part of the row, or nothing of it any more.
    let partly = compare([row("a")], [row("a", quantity: 9), row("b")], gone: gone)
    #expect(partly.incomparable == 2 && partly.differing == 0)
    #expect(verification(partly).outcome == .beyondRetention)
    #expect(verification(partly).exit == .beyondRetention)
    #expect(partly.incomparableHours == [Hour(index: 10)])
    // What the log still has cannot be missing in Postgres, nor be less there.
    #expect(compare([row("a")], [], gone: gone).differing == 1)
    #expect(compare([row("a", quantity: 9)], [row("a", quantity: 8)], gone: gone).differing == 1)
    // Another hour, or another kind of the hour, is whole in the log.
    let other = [row("a", kind: .storage, quantity: 9), row("b", hour: 11)]
    #expect(compare([row("a", kind: .storage)], other, gone: gone).differing == 2)
    let both = compare([row("c")], [row("a"), row("z", hour: 12)], gone: gone)
    #expect(both.incomparable == 1 && both.differing == 2)
    #expect(verification(both).outcome == .differs)
  }

  /// A void may be gone that took something away: then the log has more than the row.
  @Test func adjustmentsOfDeletedSegmentsMayHaveBeenNegative() {
    let gone: Set = [SegmentSummary.HourKind(hour: Hour(index: 10), kind: .compute)]
    let kept = [row(booking: 20, quantity: 9)]
    let held = compare(kept, [row(booking: 20, quantity: 4)], gone: gone)
    #expect(held.incomparable == 1 && held.differing == 0)
    #expect(compare(kept, [], gone: gone).differing == 1)
    #expect(compare(kept, [row(booking: 20, quantity: 4)]).differing == 1)
  }

  /// Random tables against a comparison by dictionary.
  @Test(arguments: 0..<40) func agreesWithADictionary(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    func some() -> [Int: RollupRow] {
      var rows: [Int: RollupRow] = [:]
      for _ in 0..<Int(random.next() % 60) {
        let number = Int(random.next() % 80)
        rows[number] = row(
          ["a", "aa", "b", "é"][number % 4], kind: UsageKind.allCases[number / 4 % 3],
          operation: ["x", "y"][number / 12 % 2], hour: Int32(number / 24),
          quantity: Int128(random.next() % 2))
      }
      return rows
    }
    let (expected, found) = (some(), some())
    let result = compare(Array(expected.values), Array(found.values), limit: 1_000)
    let keys = Set(expected.keys).union(found.keys)
    let equal = keys.filter { expected[$0] == found[$0] }.count
    #expect(result.equal == equal)
    #expect(result.differing == keys.count - equal)
    #expect(result.differences.count == result.differing)
    #expect(result.differences.map(\.row) == sorted(result.differences.map(\.row)))
  }

  /// The order of `ORDER BY tenant, hour, kind, operation` in bytes.
  private func sorted(_ rows: [RollupRow]) -> [RollupRow] {
    func key(_ row: RollupRow) -> [UInt8] {
      Array(row.subject.tenant.utf8) + [0, UInt8(row.hour.index)]
        + Array(row.subject.kind.name.utf8) + [0] + Array(row.subject.operation.utf8)
    }
    return rows.sorted { key($0).lexicographicallyPrecedes(key($1)) }
  }
}
