import MemoryRuns
import Testing

@testable import Dedup

/// A process that ends at any operation of its runs' store, and the next one.
@Suite("Ended processes")
struct EndedProcessTests {
  private static let batches = 11

  /// Fills generations, which are sealed and merged, and ends in between.
  ///
  /// - Parameter isShortened: whether the log goes where runs have its keys.
  private func history(endingAfter operations: Int, isShortened: Bool) -> History {
    let history = History(
      seed: 5, shape: HistoryShape(shards: 1, fanIn: 3, damages: false, changesWindow: false))
    history.store.end(afterOperations: operations)
    for _ in 0..<Self.batches where history.faults.isEmpty {
      history.now += 5
      history.judge((0..<20).map { _ in PresentedKey(hash: history.keys.next()) })
      history.sealBlock()
      history.log.sync(100)
      while let piece = history.index.takeUpkeep(synced: history.log.synced) {
        piece.perform()
        history.index.finish(piece)
      }
      let reach = history.index.completeThrough.position
      if isShortened { history.log.removeFirst { $0.end.position <= reach } }
    }
    return history
  }

  @Test("nothing is lost and nothing is known that is not in the log", arguments: [false, true])
  func everyOperation(isShortened: Bool) {
    var operations = 0
    var hasEnded = true
    var found: Set<[UInt64]> = []
    while hasEnded {
      let history = history(endingAfter: operations, isShortened: isShortened)
      hasEnded = history.store.hasEnded
      history.store.end(afterOperations: nil)
      found.insert(history.store.numbers)
      // The second start finds what the first one left.
      for _ in 0..<2 {
        history.start()
        #expect(history.faults == [] && history.horizon == .min, "operation \(operations)")
        history.judge(
          (0..<50).map { _ in PresentedKey(hash: history.keys.next(), request: .probe) })
      }
      history.run(steps: 0)
      #expect(history.faults == [], "operation \(operations)")
      operations += 1
    }
    // Each of the seals and merges is begun, goes on for five sections and gets its name; then the
    // files of the parts go one by one.
    #expect(operations > 40)
    #expect(
      found.isSuperset(of: [[], [1], [1, 2], [1, 2, 3], [1, 2, 3, 4], [2, 3, 4], [3, 4]]))
  }
}
