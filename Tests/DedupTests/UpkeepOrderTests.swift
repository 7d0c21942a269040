import MemoryRuns
import Testing

@testable import Dedup

/// Pieces of upkeep that come back in an order that is rare.
@Suite("Order of upkeep")
struct UpkeepOrderTests {
  private var history: History {
    History(
      seed: 1,
      shape: HistoryShape(shards: 1, fanIn: 2, crowding: 0, damages: false, changesWindow: false))
  }

  /// Fills a generation and a key of the next one.
  private func fill(_ history: History) {
    history.judge((0..<41).map { _ in PresentedKey(hash: history.keys.next()) })
    history.sealBlock()
    history.log.sync(100)
  }

  /// Does what is there to do; pieces for which it is too early are returned.
  private func doUpkeep(
    _ history: History, except isLate: (DedupUpkeep.Work) -> Bool
  ) -> [DedupUpkeep] {
    var late: [DedupUpkeep] = []
    while let piece = history.index.takeUpkeep(synced: history.log.synced) {
      piece.perform()
      if isLate(piece.work) {
        late.append(piece)
        continue
      }
      history.index.finish(piece)
    }
    return late
  }

  @Test("a run that was merged while a filter was made stays until the filter has its keys")
  func mergedWhileMissed() throws {
    let history = history
    fill(history)
    let filters = doUpkeep(history) { if case .make = $0 { true } else { false } }
    #expect(filters.count == 1 && history.index.runs.count == 1)
    // A second run comes, and both are merged, before the filter is there.
    fill(history)
    fill(history)
    _ = doUpkeep(history) { _ in false }
    #expect(history.index.runs.contains { $0.header.number > 2 })
    #expect(history.index.nextSlices?.missed.isEmpty == false)
    for filter in filters { history.index.finish(filter) }
    try #require(history.index.invariantViolations() == [])
    _ = doUpkeep(history) { _ in false }
    history.run(steps: 0)
    #expect(history.faults == [])
  }
}
