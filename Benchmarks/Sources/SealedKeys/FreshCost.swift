internal import Dedup

/// What a fresh key costs with sealed keys behind the filter, and with none: two indexes whose
/// active tables are alike are given the same keys in turn.
public final class FreshCost {
  private let keys: NumberedKeys
  private let sealed: ServedIndex
  private let bare: ServedIndex
  /// The arrival of all that comes to the sealed index.
  private let now: Int64
  private var batch = KeyBatch()
  private var sealedTimes = Times()
  private var bareTimes = Times()
  private var count = 0
  private var isSealedFirst = false

  /// Nanoseconds of the running thread and of the clock.
  private struct Times {
    var own: Int64 = 0
    var elapsed: Int64 = 0
  }

  /// Window of the bare index in milliseconds: what it had has left before the first measure.
  private static let bareWindow: Int64 = 1_000

  /// Gives the indexes active tables of some size.
  ///
  /// - Parameter capacity: keys that the active tables take at least; the limits must allow it.
  init(
    _ sealed: ServedIndex, keys: NumberedKeys, now: Int64, capacity: Int, bareFolder: String
  ) throws {
    self.sealed = sealed
    self.keys = keys
    self.now = now
    bare = ServedIndex(
      DedupLimits(
        window: Self.bareWindow, maximumKeys: sealed.limits.maximumKeys,
        maximumMemory: sealed.limits.maximumMemory, maximumDisk: sealed.limits.maximumDisk,
        generations: 1),
      folder: bareFolder, position: sealed.position)
    while bare.statistics.activeCapacity * 2 < capacity || !bare.isHalfFull {
      try feed(bare, arrival: 0)
    }
    // The generation closes by its age, so that it shares no arrival with the next one.
    bare.advance(to: Self.bareWindow)
    try feed(bare, arrival: Self.bareWindow)
    bare.advance(to: Self.bareWindow * 3 / 2)
    try bare.settle()
    precondition(bare.keyCount == KeyBatch.capacity, "BUG: older keys are still there")
    while sealed.position < bare.position
      || sealed.statistics.activeCapacity < bare.statistics.activeCapacity
    {
      try feed(sealed, arrival: now)
    }
    try sealed.settle()
    bare.seals = false
    sealed.seals = false
  }

  /// The same over keys that were sealed for it.
  public convenience init(_ fill: SealedFill, isSmall: Bool) throws {
    try self.init(
      fill.index, keys: fill.keys, now: fill.now, capacity: isSmall ? 0 : 3_000_000,
      bareFolder: fill.scratch.folder("bare"))
  }

  private func feed(_ index: ServedIndex, arrival: Int64) throws {
    let first = index.position
    keys.draw(first..<first + UInt64(KeyBatch.capacity), .admit, into: &batch)
    try index.judge(&batch, arrival: arrival)
    try index.settle()
  }

  /// Gives both the same keys.
  ///
  /// - Returns: how many keys.
  public func run(groups: Int) throws -> Int {
    for _ in 0..<groups {
      let first = sealed.position
      keys.draw(first..<first + UInt64(KeyBatch.capacity), .admit, into: &batch)
      isSealedFirst.toggle()
      if isSealedFirst { try time(sealed, now, &sealedTimes) }
      try time(bare, Self.bareWindow * 3 / 2, &bareTimes)
      if !isSealedFirst { try time(sealed, now, &sealedTimes) }
    }
    count += groups * KeyBatch.capacity
    return groups * KeyBatch.capacity
  }

  private func time(_ index: ServedIndex, _ arrival: Int64, _ times: inout Times) throws {
    let (own, started) = (Clock.ownTime, Clock.now)
    try index.judge(&batch, arrival: arrival)
    times.own += Clock.ownTime - own
    times.elapsed += Clock.now - started
    precondition(batch.count(of: .new) == batch.count, "BUG: a fresh key was turned away")
    try index.maintain()
  }

  /// What was found.
  public var measures: [Measure] {
    func perKey(_ time: Int64) -> Double { Double(time) / Double(count) }
    return [
      Measure("fresh key with none sealed", perKey(bareTimes.own), "ns"),
      Measure("fresh key with sealed ones", perKey(sealedTimes.own), "ns"),
      Measure("difference", perKey(sealedTimes.own - bareTimes.own), "ns", atMost: 25),
      Measure(
        "difference by the clock, with the waits for pages",
        perKey(sealedTimes.elapsed - bareTimes.elapsed), "ns"),
    ]
  }
}
