internal import Dedup

/// An index whose keys, numbers 0 to below ``count``, all stand in runs, in a folder of its own.
public final class SealedFill {
  let keys: NumberedKeys
  let scratch: ScratchFolder
  /// How many keys.
  let count: Int
  /// The index, started from the runs.
  let index: ServedIndex
  /// The arrival of all that comes now.
  let now: Int64
  /// What the keys take, and how long the start took.
  public let measures: [Measure]

  /// Seals keys into run files and starts from them.
  ///
  /// - Parameters:
  ///   - count: how many keys.
  ///   - folder: where their folder is made.
  /// - Throws: what the disk or the index throws.
  public init(count: Int, below folder: String) throws {
    scratch = try ScratchFolder(below: folder, name: "sealed")
    keys = NumberedKeys(seed: 1)
    self.count = count
    let limits = DedupLimits(maximumKeys: count + 60_000_000, maximumDisk: .max)
    let first = ServedIndex(limits, folder: try scratch.folder("keys"))
    var batch = KeyBatch()
    var arrival: Int64 = 0
    while first.position < UInt64(count) {
      let position = first.position
      // A quarter of the window, so that neither age nor the span of a merge shapes the runs.
      arrival = Int64(position) * (limits.window / 4 / Int64(count))
      keys.draw(position..<min(position + 4_096, UInt64(count)), .admit, into: &batch)
      try first.judge(&batch, arrival: arrival)
      try first.maintain()
      try first.keepUp()
    }
    arrival += limits.generationAge
    first.endBlock()
    first.advance(to: arrival)
    try first.settle()
    first.stop()
    now = arrival
    let restart = try Restart(
      limits, folder: first.folder, log: first.completeThrough...UInt64(count), now: arrival)
    precondition(
      restart.index.keyCount >= count && restart.damaged.isEmpty, "BUG: not all keys are sealed")
    index = restart.index
    measures = try index.startMeasures(restart)
  }
}

extension DedupLimits {
  /// The service's own limits, in proportion to another number of keys.
  init(keys: Int) {
    self.init()
    let share = Double(keys) / Double(maximumKeys)
    maximumMemory = Self.leastMemory + Int(Double(maximumMemory) * share)
    maximumDisk = Self.leastDisk + Int(Double(maximumDisk) * share)
    maximumKeys = keys
  }

  /// The age at which a generation closes.
  var generationAge: Int64 { window / Int64(generations) }
}

extension NumberedKeys {
  /// Makes a batch of the keys of some numbers.
  @inline(__always)
  func draw(
    _ numbers: some Sequence<UInt64>, _ request: DedupRequest, into batch: inout KeyBatch
  ) {
    batch.removeAll()
    for number in numbers {
      batch.append(hash(number), payload: payload(number), request: request)
    }
  }
}

extension ServedIndex {
  /// Lets the filter over all runs be made, and tells what keys and start took. Nothing but sealed
  /// keys may be there.
  func startMeasures(_ restart: Restart) throws -> [Measure] {
    let started = Clock.now
    try settle()
    let filterSeconds = Clock.seconds(since: started)
    let (statistics, empty) = (statistics, ServedIndex(limits, folder: folder).statistics)
    let keys = Double(statistics.sealedKeys)
    let memory = statistics.bytes - (empty.bytes - empty.filterBytes)
    return [
      Measure("memory of a sealed key", Double(memory) / keys, "bytes", atMost: 3),
      Measure("disk of a sealed key", Double(statistics.diskBytes) / keys, "bytes", atMost: 18),
      Measure("start, opening the runs of 1 G keys", restart.openSeconds * 1e9 / keys, "s"),
      Measure("start, the filter over 1 G keys", filterSeconds * 1e9 / keys, "s"),
    ]
  }
}
