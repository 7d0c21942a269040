import SeededRandom
import Testing

@testable import Dedup

/// What merging comes to in long streams.
@Suite("Merge plans of random streams")
struct MergePlanPropertyTests {
  private func header(keys: Int, from first: Int64, to last: Int64) -> RunHeader {
    var span = RunSpan.sample
    (span.firstArrival, span.lastArrival) = (first, last)
    return RunHeader(
      owner: .sample, number: 1, span: span, keyCount: keys, filterBlockCount: 1,
      fencesChecksum: 0, filterChecksum: 0)
  }

  /// Seals generations for three windows, one in ten milliseconds.
  ///
  /// - Returns: the most runs at a time, and how often a key was written.
  private func stream(
    _ perWindow: Int, fanIn: Int, keys: () -> Int
  ) -> (most: Int, written: Int) {
    let window = Int64(perWindow) * 10
    let plan = MergePlan(longestSpan: window / 8, fanIn: fanIn)
    var headers: [RunHeader] = []
    var most = 0
    var (sealed, merged) = (0, 0)
    for number in 0..<Int64(3 * perWindow) {
      headers.append(header(keys: keys(), from: number * 10, to: number * 10 + 9))
      sealed += headers[headers.count - 1].keyCount
      while let range = plan.next(headers) {
        let parts = headers[range]
        let total = parts.reduce(0) { $0 + $1.keyCount }
        merged += total
        let first = parts[range.lowerBound].span.firstArrival
        let last = parts[range.upperBound - 1].span.lastArrival
        if last - first > window / 8 || range.count < fanIn {
          Issue.record("\(range) spans \(last - first) of \(window)")
        }
        headers.replaceSubrange(range, with: [header(keys: total, from: first, to: last)])
      }
      headers.removeAll { $0.span.lastArrival < number * 10 - window }
      most = max(most, headers.count)
    }
    return (most, (sealed + merged) / sealed)
  }

  /// Rounds that it takes to merge so many into one.
  private func levels(_ count: Int, fanIn: Int) -> Int {
    var (size, levels) = (1, 0)
    while size < count { (size, levels) = (size * fanIn, levels + 1) }
    return levels
  }

  @Test(
    "generations of about one size stay few runs, and are written a few times",
    arguments: [2, 3, 4, 6])
  func steadyStreams(fanIn: Int) {
    var mix = SplitMix64(seed: UInt64(fanIn))
    for perWindow in [12, 60, 250, 1_000] {
      for spread in [1, 100] as [UInt64] {
        let (most, written) = stream(perWindow, fanIn: fanIn) { 100 + Int(mix.next() % spread) }
        let levels = levels(perWindow, fanIn: fanIn)
        // The longest ones share the window, in parts of an eighth that is at least half full for
        // each of them; of each lower size fewer wait than are merged together.
        #expect(most <= 8 * fanIn + (fanIn - 1) * levels, "\(perWindow) in a window")
        #expect(written <= levels + 1, "\(perWindow) in a window")
      }
    }
  }

  @Test("whatever the sizes of generations, few runs are left, and keys are written a few times")
  func anySizes() {
    var mix = SplitMix64(seed: 9)
    var hour = 0
    let streams: [() -> Int] = [
      { 1 << Int(mix.next() % 12) },
      { mix.next() % 2 == 0 ? 1 : 100 },
      {
        hour = (hour + 1) % 24
        return 10 + 80 * min(hour, 24 - hour)
      },
    ]
    for keys in streams {
      for perWindow in [60, 250, 1_000] {
        let (most, written) = stream(perWindow, fanIn: 4, keys: keys)
        #expect(most <= 64 && written <= 6, "\(perWindow) in a window")
      }
    }
  }
}
