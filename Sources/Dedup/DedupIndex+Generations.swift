extension DedupIndex {
  /// Lets time pass: closes the active generation if it is old, and forgets the generations whose
  /// last key is further back than the window. Their memory is given back by upkeep.
  ///
  /// ``judge(hashes:payloads:requests:arrival:answers:)`` does the same first.
  /// Complexity: O(generations), no step depends on the number of keys.
  ///
  /// - Parameter arrival: the time in milliseconds; one before the latest changes nothing.
  public mutating func advance(to arrival: Int64) {
    now = max(now, arrival)
    if active.count > 0, hasReached(limits.generationAge, since: active.firstArrival) {
      closeActive()
    }
    while let run = runs.first, hasExpired(run.lastArrival) {
      removeFirstRun()
    }
    while runs.isEmpty, let table = closing.first, hasExpired(table.lastArrival) {
      removeFirstClosing()
    }
    if keyCount == 0 { shrink() }
  }

  /// Goes back to the size of a new index when everything has left.
  mutating func shrink() {
    if let prepared {
      retired.append(prepared.memory)
      self.prepared = nil
    }
    if active.shards > 1 {
      retired.append(active.memory)
      active = BucketTable(shards: 1, geometry: geometry)
    }
    if filter.capacity > geometry.minimumFilterKeys {
      retired.append(filter.memory)
      filter = SplitBlockBloomFilter(
        capacity: geometry.minimumFilterKeys, bitsPerKey: geometry.filterBitsPerKey)
    }
  }

  /// Closes the active generation and opens the next one.
  mutating func closeActive() {
    precondition(active.count > 0, "BUG: an empty generation closes")
    closing.append(active)
    closingKeys += active.count
    // A table that nobody made ready takes its pages while it is used: a small one bounds the cost.
    active = prepared ?? BucketTable(shards: 1, geometry: geometry)
    prepared = nil
  }

  /// Shards of the generation after one with this many keys: room for twice as many, so that
  /// memory follows use up and down.
  func shards(following keys: Int) -> Int {
    let wanted = (2 * keys + geometry.keysPerShard - 1) / geometry.keysPerShard
    return min(max(wanted, 1), geometry.maximumShards(maximumKeys: limits.maximumKeys))
  }

  /// Whether the last arrival is further back than the window.
  private func hasExpired(_ lastArrival: Int64) -> Bool {
    let (limit, overflow) = now.subtractingReportingOverflow(limits.window)
    return !overflow && lastArrival < limit
  }

  /// Whether a generation whose first key came at `arrival` has reached this age.
  func hasReached(_ age: Int64, since arrival: Int64) -> Bool {
    let (limit, overflow) = now.subtractingReportingOverflow(age)
    return !overflow && arrival <= limit
  }

  private mutating func removeFirstRun() {
    let run = runs.removeFirst()
    sealedKeys -= run.count
    retired.append(run.memory)
  }

  private mutating func removeFirstClosing() {
    let table = closing.removeFirst()
    closingKeys -= table.count
    retired.append(table.memory)
    if let run = filling?.run { retired.append(run.memory) }
    filling = nil
  }
}
