extension DedupIndex {
  /// Takes the next piece of upkeep, to be done on another thread: making the next table ready,
  /// sealing the oldest closed generation, merging runs, making a part of the filter, giving memory
  /// and files back.
  ///
  /// Answers never depend on upkeep; without it memory and time per key grow. Several pieces may be
  /// out at a time, because none may wait for a long one.
  /// Complexity: O(generations).
  ///
  /// - Parameter synced: how far the log is on stable storage. A run may not know a key that the
  ///   log could still lose: its retry would be turned away.
  /// - Returns: nil if nothing needs to be done that is not out already.
  public mutating func takeUpkeep(synced: SyncedEnd) -> DedupUpkeep? {
    retireExpired(synced)
    guard let work = nextWork(synced: synced.position) else { return nil }
    let piece = DedupUpkeep(work)
    out.append(piece)
    return piece
  }

  private mutating func nextWork(synced: UInt64) -> DedupUpkeep.Work? {
    if needsPreparation {
      let shards = shards(following: min(4 * active.count, active.capacity))
      return .prepare(BucketTable(shards: shards, geometry: geometry))
    }
    if let parts = takeRetired() { return .release(parts, store) }
    guard now >= retryFrom else { return nil }
    if let unlisted {
      if !isOut(.list) {
        return .list(FilterFilling(filters: filtersWithout(unlisted), runs: [unlisted.run]))
      }
    } else if !isOut(.seal), !isOut(.list), let first = closing.first, first.span.end <= synced {
      let order = order(first.span, maximumKeys: first.table.count)
      return .seal(first.table, order, filter.filters)
    }
    if !isOut(.merge), let range = takeMerge() {
      let inputs = Array(runs[range])
      let span = inputs.dropFirst().reduce(inputs[0].header.span) { $0.joined($1.header.span) }
      let keys = inputs.reduce(0) { $0 + $1.header.keyCount }
      return .merge(inputs, order(span, maximumKeys: keys))
    }
    return isOut(.make) || isOut(.fill) ? nil : nextFilling()
  }

  /// Takes back a piece of upkeep that was performed. Complexity: O(runs).
  public mutating func finish(_ upkeep: DedupUpkeep) {
    precondition(upkeep.isDone, "BUG: upkeep is finished that is not done")
    out.removeAll { $0 === upkeep }
    if let error = upkeep.error { fail(error) }
    switch upkeep.work {
    case .prepare(let table):
      prepared = table
      if keyCount == 0 { shrink() }
    case .seal(let table, _, let filters):
      guard let run = upkeep.run else { return }
      // It may have expired meanwhile.
      guard table === closing.first?.table else { return retired.runs.append(run) }
      unlisted = UnlistedRun(run: run, filters: filters)
      installIfListed()
    case .list(let filling):
      guard upkeep.error == nil, unlisted?.run === filling.runs.first else { return }
      for (number, filter) in filling.filters.enumerated() where filter != nil {
        unlisted?.filters[number] = filter
      }
      installIfListed()
    case .merge(let inputs, _):
      mayMerge = true
      if let run = upkeep.run { replace(inputs, with: run) }
    case .make(_, let runs):
      nextSlices?.slices = upkeep.slices
      finishFilling(of: runs, isDone: upkeep.error == nil)
    case .fill(let filling): finishFilling(of: filling.runs, isDone: upkeep.error == nil)
    case .release: mayMerge = true
    }
  }

  /// Hands out what there is to do and takes back what is done, for a start, which nobody waits for
  /// record by record.
  ///
  /// - Parameters:
  ///   - synced: as for ``takeUpkeep(synced:)``.
  ///   - performer: who does it; it may have pieces when the start is over. Nil does everything
  ///     here and now.
  public mutating func settle(synced: SyncedEnd, with performer: (any UpkeepPerformer)? = nil) {
    if let performer {
      for upkeep in performer.takeDone() { finish(upkeep) }
      while let upkeep = takeUpkeep(synced: synced) { performer.perform(upkeep) }
    } else {
      while let upkeep = takeUpkeep(synced: synced) {
        upkeep.perform()
        finish(upkeep)
      }
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

  /// Whether a piece of this kind is out; of most kinds there is one at a time.
  private func isOut(_ kind: DedupUpkeep.Kind) -> Bool { out.contains { $0.kind == kind } }

  private mutating func order(_ span: RunSpan, maximumKeys: Int) -> RunOrder {
    defer { nextRun += 1 }
    let isSmall = maximumKeys < (sealedKeys + closingKeys) / 16
    return RunOrder(
      number: nextRun, owner: owner, span: span, maximumKeys: maximumKeys,
      filterBitsPerKey: isSmall
        ? geometry.smallRunFilterBitsPerKey : geometry.runFilterBitsPerKey,
      store: store)
  }

  /// Runs to merge, if the merged one fits on the disk beside its parts. It is looked for only when
  /// runs or files have changed.
  private mutating func takeMerge() -> Range<Int>? {
    guard mayMerge else { return nil }
    mayMerge = false
    let plan = MergePlan(longestSpan: limits.longestMergedSpan, fanIn: geometry.mergeFanIn)
    guard let range = plan.next(runs.map(\.header)) else { return nil }
    let merged = runs[range].reduce(0) { $0 + $1.header.fileByteCount }
    return merged <= limits.maximumDisk - fileBytes ? range : nil
  }

  /// Whether the active generation is a quarter full, or half as old as it may grow and not small,
  /// and the next one is not ready. An idle service prepares nothing, so it stays small.
  private var needsPreparation: Bool {
    if prepared != nil || isOut(.prepare) { return false }
    if active.count >= (active.capacity + 3) / 4 { return true }
    return active.count >= geometry.keysPerShard / 2
      && hasReached(limits.generationAge / 2, since: active.firstArrival)
  }

  /// What has left, unless a piece that is out still uses it.
  private mutating func takeRetired() -> RetiredParts? {
    if retired.isEmpty { return nil }
    let out = out
    var parts = RetiredParts()
    parts.memory = retired.memory.filter { memory in !out.contains { $0.uses(memory) } }
    let missed = nextSlices?.missed ?? []
    parts.runs = retired.runs.filter { run in
      !out.contains { $0.uses(run) } && !missed.contains { $0 === run }
    }
    retired.memory.removeAll { memory in parts.memory.contains { $0 === memory } }
    retired.runs.removeAll { run in parts.runs.contains { $0 === run } }
    return parts.isEmpty ? nil : parts
  }

  /// Lets a run take the place of the oldest closing table, if every slice has its keys.
  private mutating func installIfListed() {
    guard let unlisted, filtersWithout(unlisted).allSatisfy({ $0 == nil }) else { return }
    let (run, generation) = (unlisted.run, closing.removeFirst())
    self.unlisted = nil
    retired.memory.append(generation.table.memory)
    runs.append(run)
    mayMerge = true
    closingKeys -= generation.table.count
    sealedKeys += run.header.keyCount
    filter.count(run)
    nextSlices?.missed.append(run)
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

// MARK: The filter

extension DedupIndex {
  /// The filters of the slices that do not have a run's keys.
  private func filtersWithout(_ unlisted: UnlistedRun) -> [SplitBlockBloomFilter?] {
    zip(filter.slices, unlisted.filters).map { slice, known in
      slice?.filter === known ? nil : slice?.filter
    }
  }

  /// What slices that are being made still lack, or slices that should be made.
  private mutating func nextFilling() -> DedupUpkeep.Work? {
    if var next = nextSlices {
      // Assigned as a whole: with `nextSlices?.missed = []` beside the copy, Swift 6.3.1 optimizes
      // the release of the old array away, and the runs in it are never let go.
      let missed = next.missed
      next.missed = []
      nextSlices = next
      return .fill(FilterFilling(filters: next.slices.map { $0?.filter }, runs: missed))
    }
    guard !runs.isEmpty else { return nil }
    let order = filter.wantedSlices(
      keys: sealedKeys + closingKeys, minimum: geometry.minimumFilterKeys,
      bitsPerKey: geometry.filterBitsPerKey)
    guard let order else { return nil }
    nextSlices = NextSlices(slices: [], missed: [])
    return .make(order, runs)
  }

  /// Notes that slices that are being made have the keys of these runs, and puts them into the
  /// filter if no run came meanwhile.
  private mutating func finishFilling(of runs: [SealedRun], isDone: Bool) {
    guard var next = nextSlices else { return }
    let keys = runs.reduce(0) { $0 + $1.header.keyCount }
    for number in next.slices.indices { next.slices[number]?.keys += keys }
    nextSlices = next
    guard !isDone || next.missed.isEmpty else { return }
    for (number, slice) in next.slices.enumerated() {
      guard let slice else { continue }
      let old = isDone ? filter.replace(number, with: slice) : slice.filter.memory
      if let old { retired.memory.append(old) }
    }
    nextSlices = nil
  }
}
