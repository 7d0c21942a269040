import Testing

@testable import Dedup

/// Random histories of the index with everything that may happen to it.
///
/// A failure names its seed and step; the same seed gives the same history.
@Suite("Histories")
struct HistoryTests {
  private func run(_ seeds: Range<UInt64>, _ shape: HistoryShape) -> [History.Counts] {
    seeds.map { seed in
      let history = History(seed: seed, shape: shape)
      history.run(steps: 500)
      for fault in history.faults { Issue.record("\(fault)") }
      return history.counts
    }
  }

  @Test("through everything")
  func everything() {
    let counts = run(0..<4, HistoryShape())
    for answer in DedupAnswer.allCases {
      #expect(counts.reduce(0) { $0 + $1.answers[answer, default: 0] } > 100)
    }
    let happened: [KeyPath<History.Counts, Int>] = [
      \.restarts, \.usedRuns, \.wholeReplays, \.setAside, \.damagedPages, \.losses, \.lostKeys,
      \.failures,
    ]
    for count in happened {
      #expect(counts.reduce(0) { $0 + $1[keyPath: count] } > 0, "\(count)")
    }
    #expect(counts.contains { $0.mostRuns > 5 } && counts.contains { $0.mostOut > 4 })
  }

  @Test("without damage nothing is ever lost")
  func undamaged() {
    let shape = HistoryShape(restarts: 40, damages: false, changesWindow: false)
    let counts = run(10..<12, shape)
    #expect(counts.allSatisfy { $0.losses == 0 && $0.usedRuns > 0 && $0.lostKeys > 0 })
  }

  @Test("with filters that let nearly everything through")
  func wornFilters() {
    let counts = run(20..<22, HistoryShape(filterBitsPerKey: 1, crowding: 80))
    #expect(counts.contains { $0.mostRuns > 3 })
  }

  @Test("with keys of one position over several pages")
  func onePosition() {
    let counts = run(
      30..<31,
      HistoryShape(
        keysPerGeneration: 400, generations: 2, fanIn: 2, crowding: 90, isNarrow: true, batch: 120))
    #expect(counts.contains { $0.mostPages > 1 })
  }

  @Test("with several generations in one block")
  func smallGenerations() {
    let counts = run(40..<42, HistoryShape(keysPerGeneration: 7, fanIn: 4))
    #expect(counts.contains { $0.usedRuns > 0 })
  }
}
