import MemoryRuns
import SeededRandom
import Testing

@testable import Dedup

@Suite("Merging runs")
struct MergeTests {
  private func run(
    _ number: UInt64, _ keys: [SealedKey], in store: MemoryRunStore
  ) throws
    -> SealedRun
  {
    try writeRun(number, in: store, maximumKeys: keys.count) { writer in
      for key in keys.sorted(by: { $0.bits < $1.bits }) { try writer.append(key) }
    }
  }

  @Test("every key of every run, in order, and the newer payload of one that stands in two")
  func merges() throws {
    var mix = SplitMix64(seed: 60)
    for count in 2...5 {
      let store = MemoryRunStore()
      var expected: [KeyIdentity: UInt16] = [:]
      var runs: [SealedRun] = []
      var known: [KeyIdentity] = []
      for number in 0..<count {
        var keys: [KeyIdentity: UInt16] = [:]
        for _ in 0..<(1 + mix.next() % 2_000) {
          // Some of the older keys again.
          let isOld = mix.next() % 8 == 0 && !known.isEmpty
          let identity =
            isOld
            ? known[Int(mix.next() % UInt64(known.count))]
            : KeyIdentity(KeyHash(high: mix.next(), low: mix.next()))
          known.append(identity)
          keys[identity] = UInt16(number)
        }
        expected.merge(keys) { $1 }
        let sealed = keys.map { SealedKey($0.key, payload: $0.value) }
        runs.append(try run(UInt64(number), sealed, in: store))
      }
      let total = runs.reduce(0) { $0 + $1.header.keyCount }
      let merged = try writeRun(99, in: store, maximumKeys: total) { writer in
        try SealedRun.merge(runs, into: &writer, rest: {})
      }
      let all = try merged.allKeys()
      #expect(all.map(\.bits) == all.map(\.bits).sorted() && all.count < total)
      #expect(
        Dictionary(uniqueKeysWithValues: all.map { ($0.identity, $0.payload) }) == expected)
      for (identity, payload) in expected.prefix(300) {
        #expect(try merged.find(identity) == payload)
      }
    }
  }

  private func header(keys: Int, from first: Int64, to last: Int64) -> RunHeader {
    var span = RunSpan.sample
    (span.firstArrival, span.lastArrival) = (first, last)
    return RunHeader(
      owner: .sample, number: 1, span: span, keyCount: keys, filterBlockCount: 1,
      fencesChecksum: 0, filterChecksum: 0)
  }

  @Test("neighbours of about one size are merged, the newest ones first, within the longest span")
  func plan() {
    let plan = MergePlan(longestSpan: 100, fanIn: 4)
    func next(_ keys: [Int], step: Int64 = 10) -> Range<Int>? {
      plan.next(
        keys.enumerated().map { place, keys in
          let first = Int64(place) * step
          return header(keys: keys, from: first, to: first + step)
        })
    }
    #expect(next([]) == nil)
    #expect(next([5, 5, 5]) == nil)
    #expect(next([5, 5, 5, 5]) == 0..<4)
    #expect(next([23, 5, 5, 19]) == 0..<4)
    #expect(next([24, 5, 5, 5]) == nil)
    #expect(next([400, 5, 5, 5]) == nil)
    #expect(next([400, 5, 5, 5, 5]) == 1..<5)
    #expect(next([5, 5, 5, 5, 400]) == 0..<4)
    #expect(next([5, 5, 5, 5, 5, 5, 5, 5]) == 4..<8)
    #expect(next([5, 5, 5, 5], step: 25) == 0..<4)
    #expect(next([5, 5, 5, 5], step: 26) == nil)
  }

  @Test("equal generations in a long row stay few runs")
  func fewRuns() {
    let plan = MergePlan(longestSpan: 1_000, fanIn: 4)
    var headers: [RunHeader] = []
    var most = 0
    for number in 0..<8_000 as Range<Int64> {
      headers.append(header(keys: 100, from: number, to: number + 1))
      while let range = plan.next(headers) {
        let parts = headers[range]
        let keys = parts.reduce(0) { $0 + $1.keyCount }
        let (first, last) = (parts[range.lowerBound].span, parts[range.upperBound - 1].span)
        headers.replaceSubrange(
          range, with: [header(keys: keys, from: first.firstArrival, to: last.lastArrival)])
      }
      headers.removeAll { $0.span.lastArrival < number - 8_000 }
      most = max(most, headers.count)
    }
    #expect(most < 60)
  }
}
