internal import Dedup

/// Whom the seal of a large generation holds up: the thread that judges, and the syncs of the log
/// on the same disk.
public final class SealPause {
  private static let keysPerSecond = 1_000_000.0

  /// What was found.
  public private(set) var measures: [Measure] = []
  private let scratch: ScratchFolder
  private let keys = NumberedKeys(seed: 2)
  private let index: ServedIndex
  private var batch = KeyBatch()
  /// When the next group is due.
  private var due: Int64 = 0

  /// Fills a generation, and goes on at a pace until it stands in a run.
  ///
  /// - Parameters:
  ///   - count: keys of the generation.
  ///   - folder: where a folder is made for runs and log.
  /// - Throws: what the disk or the index throws.
  public init(keys count: Int, below folder: String) throws {
    scratch = try ScratchFolder(below: folder, name: "seal")
    // The largest generation has a sixteenth of all keys, and of the memory; the least is a shard.
    index = ServedIndex(
      DedupLimits(
        maximumKeys: max(16 * count, 10_000_000), maximumMemory: .max, maximumDisk: .max),
      folder: try scratch.folder("keys"))
    let share = count / 8
    while index.statistics.activeCapacity < count * 99 / 100 && count > 400_000
      || index.statistics.activeKeys < index.statistics.activeCapacity - share
    {
      try judge()
      try index.keepUp()
    }
    try index.settle()
    try measure()
  }

  private func measure() throws {
    let probe = try AckProbe(in: scratch.path)
    defer { probe.stop() }
    due = Clock.now
    reset()
    while index.statistics.closingKeys == 0 { try judgeWhenDue() }
    let before = (acks: probe.take(), judging: index.judging, maintaining: index.maintaining)
    reset()
    let started = Clock.now
    let (closed, sealed) = (index.statistics.closingKeys, index.statistics.sealedKeys)
    while index.statistics.sealedKeys < sealed + closed { try judgeWhenDue() }
    let seconds = Clock.seconds(since: started)
    let during = probe.take()
    let pause = max(index.judging.longestMilliseconds, index.maintaining.longestMilliseconds)
    measures = [
      Measure("keys of the generation", Double(closed), "keys"),
      Measure("its seal, the filter included", seconds, "s"),
      Measure("sync without a seal, p50", before.acks.milliseconds(0.5), "ms"),
      Measure("sync without a seal, p99", before.acks.milliseconds(0.99), "ms"),
      Measure("sync without a seal, longest", before.acks.milliseconds(1), "ms"),
      Measure("sync beside the seal, p50", during.milliseconds(0.5), "ms"),
      Measure("sync beside the seal, p99", during.milliseconds(0.99), "ms"),
      Measure("sync beside the seal, longest", during.milliseconds(1), "ms", atMost: 20),
      Measure(
        "longest call of the ledger without a seal",
        max(before.judging.longestMilliseconds, before.maintaining.longestMilliseconds), "ms"),
      Measure("longest call of the ledger beside the seal", pause, "ms", atMost: 5),
    ]
  }

  private func reset() {
    index.judging = CallTimes()
    index.maintaining = CallTimes()
  }

  /// Judges a group of fresh keys at the pace.
  ///
  /// - Returns: how many keys.
  @discardableResult
  public func judgeWhenDue() throws -> Int {
    let wait = Double(due - Clock.now) / 1e6
    if wait > 0 { Clock.sleep(milliseconds: wait) }
    due = max(due, Clock.now - 100_000_000) + Int64(4_096 / Self.keysPerSecond * 1e9)
    return try judge()
  }

  @discardableResult
  private func judge() throws -> Int {
    let first = index.position
    keys.draw(first..<first + UInt64(KeyBatch.capacity), .admit, into: &batch)
    try index.judge(&batch, arrival: 0)
    try index.maintain()
    return KeyBatch.capacity
  }
}
