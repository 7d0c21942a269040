extension DedupIndex {
  /// Keys' worth of work in one step: about half a millisecond.
  private static var maximumBudget: Int { 1 << 14 }

  /// Does one bounded step of the work that keeps the index fast and small: makes the next table
  /// ready, gives memory back, seals closed generations and fills the filter.
  ///
  /// Answers never depend on it; without it memory and time per key grow. Call it after every
  /// batch and on every tick.
  ///
  /// - Parameter budget: about how many keys' worth of work to do, 1 to 16,384 (others are
  ///   clamped), at some ten nanoseconds each; a step on memory takes or gives back 2 MiB.
  /// - Returns: whether there is more to do.
  public mutating func maintain(budget: Int) -> Bool {
    let budget = min(max(budget, 1), Self.maximumBudget)
    if needsPreparation {
      prepare()
    } else if let memory = retired.last {
      if !memory.freeStep() { retired.removeLast() }
    } else if let table = closing.first {
      seal(table, budget: budget)
    }
    return needsPreparation || !retired.isEmpty || !closing.isEmpty
  }

  /// Whether the active generation is half full, or half as old as it may grow and not small, and
  /// the next one is not ready. An idle service prepares nothing, so it stays small.
  private var needsPreparation: Bool {
    if let prepared { return !prepared.isReady }
    if active.count >= (active.capacity + 1) / 2 { return true }
    return active.count >= geometry.keysPerShard / 2
      && hasReached(limits.generationAge / 2, since: active.firstArrival)
  }

  private mutating func prepare() {
    var next =
      prepared
      ?? PreparedTable(
        table: BucketTable(
          shards: shards(following: min(2 * active.count, active.capacity)), geometry: geometry))
    next.isReady = !next.table.memory.prepareStep()
    prepared = next
  }

  private mutating func seal(_ table: BucketTable, budget: Int) {
    var job = sealing ?? SealingJob(table: table)
    if var filling = job.filling {
      let more = fill(&filling, with: job.run, budget: budget)
      job.filling = filling
      if !more { return finish(job) }
    } else if !job.pass.advance(budget: budget) {
      job.filling = filling(for: job.run)
    }
    sealing = job
  }

  /// Chooses the filter for a new run: the present one while it has room and is not far too large.
  private func filling(for run: SealedRun) -> SealingJob.Filling {
    let needed = sealedKeys + run.count
    let isWorn = filter.insertedCount + run.count > filter.capacity
    let isVast = filter.capacity > max(geometry.minimumFilterKeys, 8 * needed)
    guard isWorn || isVast else {
      return SealingJob.Filling(filter: filter, isPreparing: false, nextRun: runs.count)
    }
    // With half as many again, a filter in a steady state is rebuilt once in eight generations.
    let capacity = max(geometry.minimumFilterKeys, needed + needed / 2)
    let new = SplitBlockBloomFilter(
      capacity: capacity, bitsPerKey: geometry.filterBitsPerKey)
    return SealingJob.Filling(filter: new, isPreparing: true, nextRun: 0)
  }

  /// Puts the next keys into a filter.
  ///
  /// - Returns: whether more remain.
  private func fill(
    _ filling: inout SealingJob.Filling, with own: SealedRun, budget: Int
  ) -> Bool {
    if filling.isPreparing {
      filling.isPreparing = filling.filter.memory.prepareStep()
      return true
    }
    let run = filling.nextRun < runs.count ? runs[filling.nextRun] : own
    let end = min(run.count, filling.nextKey + budget)
    filling.filter.insert(run, filling.nextKey..<end)
    filling.nextKey = end
    if end < run.count { return true }
    if run === own { return false }
    filling.nextRun += 1
    filling.nextKey = 0
    return true
  }

  /// Lets a run take the place of the oldest closing table.
  private mutating func finish(_ job: SealingJob) {
    guard let filling = job.filling else { return }
    if filling.filter !== filter {
      retired.append(filter.memory)
      filter = filling.filter
    }
    let table = closing.removeFirst()
    retired.append(table.memory)
    runs.append(job.run)
    closingKeys -= table.count
    sealedKeys += table.count
    sealing = nil
  }
}
