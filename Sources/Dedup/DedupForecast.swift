/// When an index will be full, if keys go on coming as of late.
public struct DedupForecast: Sendable, Hashable {
  /// New keys a second, over at least the last ten minutes where there was that much time.
  public var keysPerSecond = 0
  /// Milliseconds until no key fits any more; nil if enough keys leave before.
  public var timeLeft: Int64?

  /// A forecast.
  public init(keysPerSecond: Int = 0, timeLeft: Int64? = nil) {
    self.keysPerSecond = keysPerSecond
    self.timeLeft = timeLeft
  }
}

extension DedupIndex {
  /// How far back the rate is looked at, at least.
  private static var rateSpan: Int64 { 600_000 }
  /// The shortest time that a rate is taken over: a burst after a start is no forecast.
  private static var shortestSpan: Int64 { 60_000 }

  /// When the index will be full, if keys go on coming as of late. Complexity: O(generations).
  public var forecast: DedupForecast {
    let (keys, milliseconds) = recentKeys
    guard keys > 0 else { return DedupForecast() }
    /// The time in which this many keys come.
    func time(for count: Int) -> Int64 {
      let (high, low) = UInt(count).multipliedFullWidth(by: UInt(milliseconds))
      guard high < UInt(keys) else { return .max }
      return Int64(clamping: UInt(keys).dividingFullWidth((high, low)).quotient)
    }
    var room = max(0, capacity - keyCount)
    let (rate, _) = keys.multipliedReportingOverflow(by: 1_000)
    var result = DedupForecast(keysPerSecond: rate / Int(milliseconds))
    for generation in generations {
      let untilFull = time(for: room)
      if untilFull < generation.lastArrival - now + limits.window {
        result.timeLeft = untilFull
        return result
      }
      room += generation.keys
    }
    // By then the keys that come now leave again.
    let untilFull = time(for: room)
    if untilFull < limits.longestStay { result.timeLeft = untilFull }
    return result
  }

  /// Keys of the newest generations that reach back far enough, and how far they do.
  private var recentKeys: (keys: Int, milliseconds: Int64) {
    var keys = 0
    var first = now
    for generation in generations.reversed() {
      keys += generation.keys
      first = generation.firstArrival
      if now - first >= Self.rateSpan { break }
    }
    return (keys, max(now - first, Self.shortestSpan))
  }

  /// Every generation's arrivals and keys, the oldest one first.
  private var generations: [(firstArrival: Int64, lastArrival: Int64, keys: Int)] {
    var all = runs.map(\.header).map { ($0.span.firstArrival, $0.span.lastArrival, $0.keyCount) }
    all += closing.map { ($0.span.firstArrival, $0.span.lastArrival, $0.table.count) }
    if active.count > 0 { all.append((active.firstArrival, active.lastArrival, active.count)) }
    return all
  }
}
