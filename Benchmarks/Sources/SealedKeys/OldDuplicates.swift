internal import Dedup

/// What old duplicates cost: keys of random numbers, all of which stand in runs.
public final class OldDuplicates {
  private let index: ServedIndex
  private let keys: NumberedKeys
  private let count: UInt64
  private let now: Int64
  private var batch = KeyBatch()
  private var draws: UInt64 = 0
  private var warm = (keys: 0, time: Int64(0))
  private var cold = (keys: 0, time: Int64(0), bytes: 0, isCounted: true)
  /// Whether the waits for pages count.
  var isTimedByClock = false
  /// Keys that were not recognised.
  private(set) var missed = 0

  /// Asks for keys below a number.
  init(_ index: ServedIndex, keys: NumberedKeys, below count: UInt64, now: Int64) {
    self.index = index
    self.keys = keys
    self.count = count
    self.now = now
  }

  /// The same over keys that were sealed for it, and whose files stay meanwhile.
  public convenience init(_ fill: SealedFill) {
    self.init(fill.index, keys: fill.keys, below: UInt64(fill.count), now: fill.now)
  }

  /// Asks for a group whose pages are, or soon will be, in the page cache.
  ///
  /// - Returns: how many keys.
  public func runWarm() throws -> Int {
    draw(KeyBatch.capacity)
    warm.time += try time { isTimedByClock ? Clock.now : Clock.ownTime }
    warm.keys += KeyBatch.capacity
    return KeyBatch.capacity
  }

  /// Lets the kernel forget all pages with keys, and asks for a few keys, most of them in pages of
  /// their own.
  ///
  /// - Returns: how many keys.
  public func runCold() throws -> Int {
    try PageCache.evictKeys(in: index.folder)
    draw(1_024)
    let before = PageCache.bytesRead
    cold.time += try time { Clock.now }
    if let before, let after = PageCache.bytesRead {
      cold.bytes += after - before
    } else {
      cold.isCounted = false
    }
    cold.keys += 1_024
    return 1_024
  }

  private func draw(_ count: Int) {
    batch.removeAll()
    for _ in 0..<count {
      draws += 1
      let number = NumberedKeys.mix(draws).multipliedFullWidth(by: self.count).high
      batch.append(keys.hash(number), payload: keys.payload(number), request: .admit)
    }
  }

  private func time(_ clock: () -> Int64) throws -> Int64 {
    let started = clock()
    try index.judge(&batch, arrival: now)
    let elapsed = clock() - started
    missed += batch.count - batch.count(of: .duplicate)
    return elapsed
  }

  /// What was found; it stops the process if a key was not recognised.
  public var measures: [Measure] {
    precondition(missed == 0, "BUG: \(missed) old keys were not recognised")
    return figures
  }

  var figures: [Measure] {
    var result: [Measure] = []
    if warm.keys > 0 {
      let rate = Double(warm.keys) * 1e9 / Double(warm.time)
      // By the clock it is also a matter of what the page cache has room for.
      result.append(
        isTimedByClock
          ? Measure("old duplicates, at random", rate, "keys/s")
          : Measure("old duplicates", rate, "keys/s", atLeast: 500_000))
    }
    if cold.keys > 0, cold.isCounted {
      result.append(
        Measure(
          "pages read for a cold duplicate", Double(cold.bytes) / 4_096 / Double(cold.keys),
          "pages", atMost: 1.05))
    }
    if cold.keys > 0 {
      result.append(
        Measure("time of a cold duplicate", Double(cold.time) / 1e3 / Double(cold.keys), "µs"))
    }
    return result
  }
}
