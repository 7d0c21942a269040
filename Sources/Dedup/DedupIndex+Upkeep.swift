extension DedupIndex {
  /// A run that is put into a filter step by step.
  struct Filling {
    let run: SealedRun
    var nextPage = 0
  }

  /// Takes the next piece of upkeep, to be done on another thread: making the next table ready,
  /// sealing the oldest closed generation, merging runs, making a filter, giving memory and files
  /// back.
  ///
  /// Answers never depend on upkeep; without it memory and time per key grow. Several pieces may be
  /// out at a time, because none may wait for a long one.
  /// Complexity: O(generations).
  ///
  /// - Parameter synced: everything before this position of the log is on stable storage. A run may
  ///   not know a key that the log could still lose: its retry would be turned away.
  /// - Returns: nil if nothing needs to be done that is not out already.
  public mutating func takeUpkeep(synced: UInt64) -> DedupUpkeep? {
    if needsPreparation, !isPreparing {
      isPreparing = true
      let shards = shards(following: min(4 * active.count, active.capacity))
      return DedupUpkeep(.prepare(BucketTable(shards: shards, geometry: geometry)))
    }
    if let parts = takeRetired() { return DedupUpkeep(.release(parts, store)) }
    guard now >= retryFrom else { return nil }
    if !isSealing, let generation = closing.first, generation.span.end <= synced {
      isSealing = true
      let order = order(generation.span, maximumKeys: generation.table.count)
      return DedupUpkeep(.seal(generation.table, order))
    }
    if !isMerging, let range = nextMerge {
      isMerging = true
      let inputs = Array(runs[range])
      let span = inputs.dropFirst().reduce(inputs[0].header.span) { $0.joined($1.header.span) }
      let keys = inputs.reduce(0) { $0 + $1.header.keyCount }
      return DedupUpkeep(.merge(inputs, order(span, maximumKeys: keys)))
    }
    if !isFiltering, nextFilter == nil, let capacity = wantedFilterCapacity {
      isFiltering = true
      let next = SplitBlockBloomFilter(
        capacity: capacity, bitsPerKey: geometry.filterBitsPerKey)
      return DedupUpkeep(.filter(next, runs))
    }
    return nil
  }

  /// Takes back a piece of upkeep that was performed. Complexity: O(runs).
  public mutating func finish(_ upkeep: DedupUpkeep) {
    precondition(upkeep.isDone, "BUG: upkeep is finished that is not done")
    if let error = upkeep.error { fail(error) }
    switch upkeep.work {
    case .prepare(let table):
      isPreparing = false
      prepared = table
      if keyCount == 0 { shrink() }
    case .seal(let table, _):
      guard let run = upkeep.run else { return isSealing = false }
      if table === closing.first?.table {
        arrived = Filling(run: run)
      } else {
        // It has expired meanwhile.
        isSealing = false
        retired.runs.append(run)
      }
    case .merge(let inputs, _):
      isMerging = false
      if let run = upkeep.run { replace(inputs, with: run) }
    case .filter(let next, _):
      isFiltering = false
      if upkeep.error == nil {
        nextFilter = next
      } else {
        missed = []
        retired.memory.append(next.memory)
      }
    case .release: break
    }
  }

  /// Does one small step of the upkeep that only the judging thread may do. Call it after every
  /// batch and on every tick.
  ///
  /// - Returns: whether there is more to do.
  /// - Throws: ``RunError`` if a page of a run is damaged; the index is of no use then.
  public mutating func maintain() throws(RunError) -> Bool {
    if let next = nextFilter {
      if let first = missed.first {
        if let rest = try fill(next, first) { missed[0] = rest } else { missed.removeFirst() }
      }
      guard missed.isEmpty else { return true }
      if let filter { retired.memory.append(filter.memory) }
      filter = next
      nextFilter = nil
      // What was put into the old filter is not in this one.
      arrived?.nextPage = 0
    } else if let filling = arrived {
      if let filter, let rest = try fill(filter, filling) {
        arrived = rest
      } else {
        install(filling.run)
      }
    }
    return arrived != nil || nextFilter != nil
  }

  /// Puts some pages of a run into a filter.
  ///
  /// - Returns: what is left to do, nil if nothing.
  private func fill(
    _ filter: SplitBlockBloomFilter, _ filling: Filling
  ) throws(RunError) -> Filling? {
    let pageCount = filling.run.header.pageCount
    let end = min(pageCount, filling.nextPage + geometry.filterPagesPerStep)
    try filter.insert(filling.run, pages: filling.nextPage..<end)
    return end == pageCount ? nil : Filling(run: filling.run, nextPage: end)
  }

  /// Hands out what there is to do and takes back what is done, for a start, which nobody waits for
  /// record by record.
  ///
  /// - Parameters:
  ///   - synced: as for ``takeUpkeep(synced:)``.
  /// - performer: who does it; it may have pieces when the start is over. Nil does everything here
  ///     and now.
  public mutating func settle(
    synced: UInt64, with performer: (any UpkeepPerformer)? = nil
  ) throws(RunError) {
    guard let performer else { return try performAllUpkeep(synced: synced) }
    for upkeep in performer.takeDone() { finish(upkeep) }
    while let upkeep = takeUpkeep(synced: synced) { performer.perform(upkeep) }
    while try maintain() {}
  }

  private mutating func performAllUpkeep(synced: UInt64) throws(RunError) {
    while let upkeep = takeUpkeep(synced: synced) {
      upkeep.perform()
      finish(upkeep)
      while try maintain() {}
    }
  }

  /// Takes the error of the first piece of upkeep that failed since the last call. It is tried
  /// again; until it succeeds memory grows, so that in the end the limit refuses usage.
  public mutating func takeFailure() -> (any Error)? {
    defer { failure = nil }
    return failure
  }

  private mutating func fail(_ error: any Error) {
    if failure == nil { failure = error }
    retryFrom = now + Self.retryDelay
  }

  /// Milliseconds after which upkeep that failed is tried again.
  private static var retryDelay: Int64 { 1_000 }

  private mutating func order(_ span: RunSpan, maximumKeys: Int) -> RunOrder {
    defer { nextRun += 1 }
    return RunOrder(
      number: nextRun, owner: owner, span: span, maximumKeys: maximumKeys,
      filterBitsPerKey: geometry.runFilterBitsPerKey, store: store)
  }

  /// Runs to merge, if the merged one fits on the disk beside its parts.
  private var nextMerge: Range<Int>? {
    let plan = MergePlan(longestSpan: limits.longestMergedSpan, fanIn: geometry.mergeFanIn)
    guard let range = plan.next(runs.map(\.header)) else { return nil }
    let merged = runs[range].reduce(0) { $0 + $1.header.fileByteCount }
    return merged <= limits.maximumDisk - fileBytes ? range : nil
  }

  /// Whether the active generation is a quarter full, or half as old as it may grow and not small,
  /// and the next one is not ready. An idle service prepares nothing, so it stays small.
  private var needsPreparation: Bool {
    if prepared != nil { return false }
    if active.count >= (active.capacity + 3) / 4 { return true }
    return active.count >= geometry.keysPerShard / 2
      && hasReached(limits.generationAge / 2, since: active.firstArrival)
  }

  /// The capacity of a new filter, if the present one is missing, nearly worn or far too large.
  private var wantedFilterCapacity: Int? {
    // A run that is just being put into the present filter would begin again.
    guard !runs.isEmpty, arrived == nil else { return nil }
    let keys = sealedKeys + closingKeys
    if let filter {
      let isWorn = filter.insertedCount > filter.capacity
      let isVast = filter.capacity > max(geometry.minimumFilterKeys, 8 * keys)
      guard isWorn || isVast else { return nil }
    }
    // With a fifth more, a filter in a steady state is made anew five times in a window.
    return max(geometry.minimumFilterKeys, keys + keys / 5)
  }

  /// What has left, unless a piece that is out may still read it.
  private mutating func takeRetired() -> RetiredParts? {
    var parts = RetiredParts()
    if !isSealing {
      parts.memory = retired.memory
      retired.memory = []
    }
    if !isMerging, !isFiltering {
      parts.runs = retired.runs
      retired.runs = []
    }
    return parts.isEmpty ? nil : parts
  }

  /// Lets a run that is in the filter take the place of the oldest closing table.
  private mutating func install(_ run: SealedRun) {
    let generation = closing.removeFirst()
    retired.memory.append(generation.table.memory)
    runs.append(run)
    closingKeys -= generation.table.count
    sealedKeys += run.header.keyCount
    arrived = nil
    isSealing = false
    if isFiltering { missed.append(Filling(run: run)) }
  }

  /// Lets a merged run take the place of those of its parts that have not expired.
  private mutating func replace(_ parts: [SealedRun], with run: SealedRun) {
    let left = runs.indices.filter { index in parts.contains { $0 === runs[index] } }
    guard let first = left.first, let last = left.last else { return retired.runs.append(run) }
    for part in runs[first...last] {
      sealedKeys -= part.header.keyCount
      retired.runs.append(part)
    }
    sealedKeys += run.header.keyCount
    runs.replaceSubrange(first...last, with: [run])
  }
}
