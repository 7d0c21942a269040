import Metering
import SeededRandom
import Testing
import Wire

@Suite("Weights")
struct WeightsTests {
  private static func entry(_ operation: String, _ weight: Int64, _ from: Int64) -> WeightEntry {
    WeightEntry(
      operation: operation, weight: weight, effectiveFrom: Timestamp(milliseconds: from))
  }

  @Test("Without an entry the weight is 1 at every time")
  func unknown() throws {
    let table = try WeightTable(entries: [WeightsTests.entry("b", 7, 0)])
    for name in ["a", "c", "", "bb", "B", String(repeating: "b", count: 300)] {
      let schedule = table.schedule(forOperation: name)
      for time in [Int64.min, -1, 0, .max] {
        #expect(table.weight(in: schedule, at: time) == 1)
      }
    }
    #expect(WeightTable.empty.weight(in: .one, at: .min) == 1)
  }

  @Test("One entry begins at its date, to the millisecond")
  func oneEntry() throws {
    let table = try WeightTable(entries: [WeightsTests.entry("b", 7, 1_000)])
    let schedule = table.schedule(forOperation: "b")
    #expect(table.weight(in: schedule, at: 999) == 1)
    #expect(table.weight(in: schedule, at: 1_000) == 7)
    #expect(table.weight(in: schedule, at: .max) == 7)
    #expect(table.weight(in: schedule, at: .min) == 1)
  }

  @Test("A weight of zero and the largest weight are taken")
  func limits() throws {
    let table = try WeightTable(entries: [
      WeightsTests.entry("free", 0, 0), WeightsTests.entry("dear", 1_000_000, 0),
    ])
    #expect(table.weight(in: table.schedule(forOperation: "free"), at: 5) == 0)
    #expect(table.weight(in: table.schedule(forOperation: "dear"), at: 5) == 1_000_000)
    for weight in [-1, 1_000_001, Int64.min, .max] {
      #expect(throws: WeightError.weightOutOfRange(operation: "x", weight: weight)) {
        try WeightTable(entries: [WeightsTests.entry("x", weight, 0)])
      }
    }
    for name in ["", String(repeating: "n", count: 256), "a\u{0}b"] {
      #expect(throws: WeightError.operationInvalid(operation: name)) {
        try WeightTable(entries: [WeightsTests.entry(name, 1, 0)])
      }
    }
    #expect(throws: Never.self) {
      try WeightTable(entries: [WeightsTests.entry(String(repeating: "n", count: 255), 1, 0)])
    }
  }

  @Test("Two entries of one operation at one time are refused, wherever they stand")
  func duplicates() {
    let entries = [
      WeightsTests.entry("a", 1, 5), WeightsTests.entry("b", 2, 5), WeightsTests.entry("a", 3, 9),
      WeightsTests.entry("a", 4, 5),
    ]
    let error = WeightError.duplicate(
      operation: "a", effectiveFrom: Timestamp(milliseconds: 5))
    #expect(throws: error) { try WeightTable(entries: entries) }
    #expect(throws: error) { try WeightTable(entries: entries.reversed()) }
  }

  @Test("Two spellings that Unicode calls equal are two operations")
  func bytesDecide() throws {
    let composed = "caf\u{E9}"
    let decomposed = "cafe\u{301}"
    let table = try WeightTable(entries: [
      WeightsTests.entry(composed, 2, 0), WeightsTests.entry(decomposed, 3, 0),
    ])
    #expect(table.weight(in: table.schedule(forOperation: composed), at: 0) == 2)
    #expect(table.weight(in: table.schedule(forOperation: decomposed), at: 0) == 3)
  }

  @Test("Random tables agree with a search through the list")
  func model() throws {
    var random = SplitMix64(seed: 3)
    let names = ["a", "aa", "ab", "b", "GET /v1/tasks", "é", "z"]
    for _ in 0..<300 {
      var seen: Set<WeightEntry> = []
      for _ in 0..<Int.random(in: 0...40, using: &random) {
        let name = names.randomElement(using: &random) ?? "a"
        let from = Int64.random(in: -3...30, using: &random)
        if seen.contains(where: { $0.operation == name && $0.effectiveFrom.milliseconds == from }) {
          continue
        }
        seen.insert(WeightsTests.entry(name, .random(in: 0...99, using: &random), from))
      }
      let entries = Array(seen)
      let table = try WeightTable(entries: entries)
      #expect(Set(table.entries) == seen)
      #expect(try WeightTable(entries: entries.reversed()) == table)
      for name in names {
        let schedule = table.schedule(forOperation: name)
        for time in -5...35 as ClosedRange<Int64> {
          let expected =
            entries.filter { $0.operation == name && $0.effectiveFrom.milliseconds <= time }
            .max { $0.effectiveFrom < $1.effectiveFrom }?.weight ?? 1
          #expect(table.weight(in: schedule, at: time) == expected)
        }
      }
    }
  }
}
