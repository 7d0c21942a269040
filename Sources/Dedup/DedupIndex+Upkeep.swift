extension DedupIndex {
  /// A sealed run that is put into the filter in use before it takes the place of its table.
  struct Filling {
    let run: SealedRun
    var nextKey = 0
  }

  /// Takes the next piece of upkeep, to be done on another thread: making the next table ready,
  /// giving memory back, sealing the oldest closed generation.
  ///
  /// Answers never depend on upkeep; without it memory and time per key grow. Two pieces may be out
  /// at a time, because a table must be ready before sealing a large one ends.
  /// Complexity: O(generations).
  ///
  /// - Returns: nil if nothing needs to be done that is not out already.
  public mutating func takeUpkeep() -> DedupUpkeep? {
    if needsPreparation, !isPreparing {
      isPreparing = true
      let shards = shards(following: min(4 * active.count, active.capacity))
      return DedupUpkeep(.prepare(BucketTable(shards: shards, geometry: geometry)))
    }
    guard !isSealing, filling == nil else { return nil }
    if !retired.isEmpty {
      isSealing = true
      defer { retired = [] }
      return DedupUpkeep(.release(retired))
    }
    guard let table = closing.first else { return nil }
    isSealing = true
    return DedupUpkeep(.seal(table, runs: runs, filter: newFilter(besides: table)))
  }

  /// Takes back a piece of upkeep that was performed. Complexity: O(1).
  public mutating func finish(_ upkeep: DedupUpkeep) {
    precondition(upkeep.isDone, "BUG: upkeep is finished that is not done")
    switch upkeep.work {
    case .prepare(let table):
      isPreparing = false
      prepared = table
      if keyCount == 0 { shrink() }
    case .seal(let table, _, let filter):
      isSealing = false
      guard let run = upkeep.run else { preconditionFailure("BUG: sealing made no run") }
      finish(run, of: table, filter)
    case .release: isSealing = false
    }
  }

  /// Does one small step of the upkeep that only the judging thread may do. Call it after every
  /// batch and on every tick.
  ///
  /// - Returns: whether there is more to do.
  public mutating func maintain() -> Bool {
    guard var filling else { return false }
    let end = min(filling.run.count, filling.nextKey + geometry.filterKeysPerStep)
    filter.insert(filling.run, filling.nextKey..<end)
    filling.nextKey = end
    if end == filling.run.count {
      install(filling.run)
    } else {
      self.filling = filling
    }
    return self.filling != nil
  }

  /// Hands out what there is to do and takes back what is done, for a start, which nobody waits for
  /// record by record.
  ///
  /// - Parameter performer: who does it; it may have pieces when the start is over. Nil does
  ///   everything here and now.
  public mutating func settle(with performer: (any UpkeepPerformer)? = nil) {
    guard let performer else { return performAllUpkeep() }
    for upkeep in performer.takeDone() { finish(upkeep) }
    while let upkeep = takeUpkeep() { performer.perform(upkeep) }
    while maintain() {}
  }

  private mutating func performAllUpkeep() {
    while let upkeep = takeUpkeep() {
      upkeep.perform()
      finish(upkeep)
      while maintain() {}
    }
  }

  /// Whether the active generation is a quarter full, or half as old as it may grow and not small,
  /// and the next one is not ready. An idle service prepares nothing, so it stays small.
  private var needsPreparation: Bool {
    if prepared != nil { return false }
    if active.count >= (active.capacity + 3) / 4 { return true }
    return active.count >= geometry.keysPerShard / 2
      && hasReached(limits.generationAge / 2, since: active.firstArrival)
  }

  /// A new filter for all runs and one more table, if the present one has no room for its keys or
  /// is far too large.
  private func newFilter(besides table: BucketTable) -> SplitBlockBloomFilter? {
    let needed = sealedKeys + table.count
    let isWorn = filter.insertedCount + table.count > filter.capacity
    let isVast = filter.capacity > max(geometry.minimumFilterKeys, 8 * needed)
    guard isWorn || isVast else { return nil }
    // With half as many again, a filter in a steady state is rebuilt once in eight generations.
    let capacity = max(geometry.minimumFilterKeys, needed + needed / 2)
    return SplitBlockBloomFilter(capacity: capacity, bitsPerKey: geometry.filterBitsPerKey)
  }

  private mutating func finish(
    _ run: SealedRun, of table: BucketTable, _ newFilter: SplitBlockBloomFilter?
  ) {
    guard table === closing.first else {
      // It has expired meanwhile.
      retired.append(run.memory)
      if let newFilter { retired.append(newFilter.memory) }
      return
    }
    if let newFilter {
      retired.append(filter.memory)
      filter = newFilter
      install(run)
    } else {
      filling = Filling(run: run)
    }
  }

  /// Lets a run that is in the filter take the place of the oldest closing table.
  private mutating func install(_ run: SealedRun) {
    let table = closing.removeFirst()
    retired.append(table.memory)
    runs.append(run)
    closingKeys -= table.count
    sealedKeys += table.count
    filling = nil
  }
}
