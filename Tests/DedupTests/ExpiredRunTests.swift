import MemoryRuns
import Testing

@testable import Dedup

/// A start judges by the arrival of the log's last entry what has left the window, and the index by
/// its own time, which no entry may tell yet.
@Suite("Files of expired runs")
struct ExpiredRunTests {
  private func makeIndex(_ store: MemoryRunStore) throws -> DedupIndex {
    var index = DedupIndex(
      limits: DedupLimits(window: 1_000, maximumKeys: 1_000, generations: 2), owner: .sample,
      store: store, runs: [], startingAt: 0)
    for arrival in [0, 600, 1_200] as [Int64] {
      let hash = KeyHash(high: UInt64(arrival + 1) << 50, low: 1)
      var answers: [UInt8] = [0]
      var room = answers.mutableSpan
      try index.judge(
        hashes: [hash].span, payloads: [1].span, requests: [DedupRequest.admit.rawValue].span,
        arrival: arrival, front: front(arrival), answers: &room)
      index.settle(synced: SyncedEnd(position: UInt64(arrival) + 10, arrival: arrival))
    }
    return index
  }

  private func front(_ arrival: Int64) -> LogFront {
    let place = LogPlace(position: UInt64(arrival) + 1, chain: 1)
    return LogFront(sealed: place, open: place.position)
  }

  @Test("stay until the log tells that they have expired")
  func stay() throws {
    let store = MemoryRunStore()
    var index = try makeIndex(store)
    // The run of arrival 0 has left at 1,200, and the log said so at once.
    #expect(store.numbers == [2])
    index.advance(to: 1_700, front: front(1_700))
    for arrival in [1_200, 1_600] as [Int64] {
      index.settle(synced: SyncedEnd(position: .max, arrival: arrival))
      let (runs, bytes) = (index.runs.count, index.statistics.bytes)
      #expect(runs == 1 && store.numbers == [2, 3], "\(arrival)")
      let held = index.retired.expired.reduce(0) { $0 + $1.residentByteCount }
      #expect(held > 0 && bytes > held)
    }
    index.settle(synced: SyncedEnd(position: .max, arrival: 1_601))
    let expired = index.retired.expired.count
    #expect(store.numbers == [3] && expired == 0)
  }
}
