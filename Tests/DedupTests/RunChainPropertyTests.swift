import SeededRandom
import Testing

@testable import Dedup

/// A chain from any files of a history, and any part of its log.
@Suite("Run chains of random histories")
struct RunChainPropertyTests {
  /// A log with generations that close anywhere, and every run that was ever written from them.
  private struct World {
    var mix: SplitMix64
    /// The arrival of each record.
    var arrivals: [Int64] = []
    var ends: [LogPlace] = [LogPlace(position: 0, chain: 0)]
    var headers: [RunHeader] = []
    var generations: [RunSpan] = []

    init(seed: UInt64) {
      mix = SplitMix64(seed: seed)
      fillLog()
      closeGenerations()
      merge()
    }

    mutating func draw(_ limit: Int) -> Int { Int(mix.next() % UInt64(limit)) }

    private mutating func fillLog() {
      var now: Int64 = 100
      for _ in 0..<4 + draw(20) {
        for _ in 0...draw(12) {
          // Many arrivals are the same.
          if draw(3) == 0 { now += Int64(draw(20)) }
          arrivals.append(now)
        }
        ends.append(LogPlace(position: UInt64(arrivals.count), chain: mix.next()))
      }
    }

    private func place(before position: Int) -> LogPlace {
      ends.last { $0.position <= UInt64(position) } ?? ends[0]
    }

    private mutating func closeGenerations() {
      var start = 0
      while true {
        let end = start + 1 + draw(draw(4) == 0 ? 3 : 25)
        guard end < arrivals.count else { return }
        let last = generations.last
        generations.append(
          RunSpan(
            from: last?.through ?? ends[0], through: place(before: end), start: UInt64(start),
            end: UInt64(end), after: last?.lastArrival ?? .min, firstArrival: arrivals[start],
            lastArrival: arrivals[end - 1]))
        start = end
      }
    }

    private mutating func merge() {
      var left = generations
      for span in left { add(span) }
      while left.count > 1, draw(6) > 0 {
        let first = draw(left.count - 1)
        let last = min(left.count - 1, first + 1 + draw(3))
        let span = left[first + 1...last].reduce(left[first]) { $0.joined($1) }
        left.replaceSubrange(first...last, with: [span])
        add(span)
      }
    }

    private mutating func add(_ span: RunSpan) {
      headers.append(
        RunHeader(
          owner: .sample, number: UInt64(headers.count + 1), span: span, keyCount: 1,
          filterBlockCount: 1, fencesChecksum: 0, filterChecksum: 0))
    }
  }

  @Test("no chain has a hole, and what is lost is said")
  func anySubset() {
    var outcomes: [String: Int] = [:]
    for seed in 0..<1_500 as Range<UInt64> {
      var world = World(seed: seed)
      let rate = 1 + world.draw(10)
      var found = world.headers.filter { _ in world.draw(11) < rate }
      found.shuffle(using: &world.mix)
      let start = world.draw(3) == 0 ? world.ends[world.draw(world.ends.count)].position : 0
      // The log may have lost its tail.
      let end = world.ends.last { $0.position <= UInt64(world.draw(world.arrivals.count + 1)) }
      let limit = max(start, world.draw(4) == 0 ? end?.position ?? 0 : .max)
      let expired = world.draw(2) == 0 ? .min : world.arrivals[world.draw(world.arrivals.count)]
      let chain = RunChain(found, log: start...limit, expired: expired)
      let text = problem(chain, world, found, log: start...limit, expired: expired)
      if let text { Issue.record("seed \(seed): \(text)") }
      let name = chain.used.isEmpty ? "none" : chain.lostThrough == nil ? "complete" : "lost"
      outcomes[name, default: 0] += 1
    }
    #expect(outcomes.count == 3 && outcomes.values.allSatisfy { $0 > 50 }, "\(outcomes)")
  }

  /// What is wrong with a chain, or nil.
  private func problem(
    _ chain: RunChain, _ world: World, _ found: [RunHeader], log: ClosedRange<UInt64>,
    expired: Int64
  ) -> String? {
    let spans = chain.used.compactMap { number in
      found.first { $0.number == number }?.span
    }
    if spans.count != chain.used.count { return "a run that was not found" }
    for (older, newer) in zip(spans, spans.dropFirst()) where older.end != newer.start {
      return "a hole from \(older.end) to \(newer.start)"
    }
    guard let first = spans.first, let last = spans.last else {
      let isRead = chain.through.position == 0 && chain.lostThrough == nil
      return isRead ? nil : "no run is used, and not all is read"
    }
    if last.end > log.upperBound { return "a run with keys from behind the log" }
    if chain.through != last.through { return "read on at \(chain.through)" }
    if last.through.position < log.lowerBound { return "a gap before the log" }
    if log.lowerBound == 0, chain.lostThrough != nil { return "a loss that the log makes good" }
    // What is neither in the runs nor read again.
    let missing = world.arrivals.indices.filter { place in
      UInt64(place) < first.start && UInt64(place) < chain.through.position
    }
    for place in missing where world.arrivals[place] >= expired {
      guard let lost = chain.lostThrough else { return "record \(place) is lost silently" }
      if world.arrivals[place] > lost { return "record \(place) is lost, said is \(lost)" }
    }
    return nil
  }
}
