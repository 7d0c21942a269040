extension DedupIndex {
  /// Lets time pass: closes the active generation if it is old, and forgets the generations whose
  /// last key is further back than the window. Their memory and files are given back by upkeep.
  ///
  /// ``judge(hashes:payloads:requests:arrival:front:answers:)`` does the same first.
  /// Complexity: O(generations), no step depends on the number of keys.
  ///
  /// - Parameters:
  ///   - arrival: the time in milliseconds; one before the latest changes nothing.
  ///   - front: how far the log is.
  public mutating func advance(to arrival: Int64, front: LogFront) {
    now = max(now, arrival)
    self.front = front
    freshCount = 0
    if active.count > 0, hasReached(limits.generationAge, since: active.firstArrival) {
      closeActive()
    }
    while let run = runs.first, hasExpired(run.header.span.lastArrival) { removeFirstRun() }
    while runs.isEmpty, let generation = closing.first, hasExpired(generation.span.lastArrival) {
      removeFirstClosing()
    }
    if keyCount == 0 { shrink() }
  }

  /// Goes back to the size of a new index when everything has left.
  mutating func shrink() {
    if let prepared {
      retired.memory.append(prepared.memory)
      self.prepared = nil
    }
    if active.shards > 1 {
      retired.memory.append(active.memory)
      active = BucketTable(shards: 1, geometry: geometry)
    }
    for number in filter.slices.indices {
      if let memory = filter.replace(number, with: nil) { retired.memory.append(memory) }
    }
  }

  /// Closes the active generation and opens the next one.
  mutating func closeActive() {
    precondition(active.count > 0, "BUG: an empty generation closes")
    // Not before its start: after a start the log is read on from before the end of the last run.
    let span = RunSpan(
      from: activeFrom, through: front.sealed, start: activeStart,
      end: max(activeStart, front.open + freshCount), after: activeAfter,
      firstArrival: active.firstArrival, lastArrival: active.lastArrival)
    closing.append(ClosedGeneration(table: active, span: span))
    closingKeys += active.count
    activeFrom = span.through
    activeStart = span.end
    activeAfter = span.lastArrival
    // A table that nobody made ready takes its pages while it is used: a small one bounds the cost.
    active = prepared ?? BucketTable(shards: 1, geometry: geometry)
    prepared = nil
  }

  /// Shards of the generation after one with this many keys: room for twice as many, so that
  /// memory follows use up and down.
  func shards(following keys: Int) -> Int {
    let wanted = (2 * keys + geometry.keysPerShard - 1) / geometry.keysPerShard
    return min(max(wanted, 1), geometry.maximumShards(limits))
  }

  /// Whether the last arrival is further back than the window.
  private func hasExpired(_ lastArrival: Int64) -> Bool { hasExpired(lastArrival, at: now) }

  /// Whether the last arrival is further back than the window at some time.
  private func hasExpired(_ lastArrival: Int64, at time: Int64) -> Bool {
    let (limit, overflow) = time.subtractingReportingOverflow(limits.window)
    return !overflow && lastArrival < limit
  }

  /// Lets the files of expired runs go that the log knows to be expired: a start judges by the last
  /// entry of the log, and would take the file of a later run for lost.
  mutating func retireExpired(_ synced: SyncedEnd) {
    while let run = retired.expired.first,
      hasExpired(run.header.span.lastArrival, at: synced.arrival)
    {
      retired.runs.append(retired.expired.removeFirst())
    }
  }

  /// Whether a generation whose first key came at `arrival` has reached this age.
  func hasReached(_ age: Int64, since arrival: Int64) -> Bool {
    let (limit, overflow) = now.subtractingReportingOverflow(age)
    return !overflow && arrival <= limit
  }

  private mutating func removeFirstRun() {
    let run = runs.removeFirst()
    sealedKeys -= run.header.keyCount
    nextSlices?.missed.removeAll { $0 === run }
    retired.expired.append(run)
  }

  private mutating func removeFirstClosing() {
    let generation = closing.removeFirst()
    closingKeys -= generation.table.count
    retired.memory.append(generation.table.memory)
    if let unlisted {
      retired.runs.append(unlisted.run)
      self.unlisted = nil
    }
  }
}

/// What has left an index.
struct RetiredParts {
  var memory: [TableMemory] = []
  /// Runs whose files go too.
  var runs: [SealedRun] = []
  /// Expired runs whose files wait for the log to know it, the oldest one first.
  var expired: [SealedRun] = []

  var isEmpty: Bool { memory.isEmpty && runs.isEmpty }
}
