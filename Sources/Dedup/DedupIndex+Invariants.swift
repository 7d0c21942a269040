#if DEBUG
  extension DedupIndex {
    /// What is wrong with the index: nothing, unless there is a bug. Tests call it after mutations.
    ///
    /// Complexity: O(keys + buckets).
    ///
    /// - Parameter keysRepeat: whether a key may stand in several generations: after a start, and
    ///   when it was renewed.
    func invariantViolations(keysRepeat: Bool = false) -> [String] {
      var found: [String] = []
      if closingKeys != closing.reduce(0, { $0 + $1.table.count }) { found.append("closing keys") }
      if sealedKeys != runs.reduce(0, { $0 + $1.header.keyCount }) { found.append("sealed keys") }
      let spans = runs.map(\.header.span) + closing.map(\.span)
      for (older, newer) in zip(spans, spans.dropFirst()) where !older.isFollowed(by: newer) {
        found.append("the spans of generations do not join")
      }
      let last = spans.map(\.lastArrival)
      if last != last.sorted() { found.append("generations are out of order") }
      if let oldest = last.first, oldest < now - limits.window {
        found.append("an expired generation is still there")
      }
      var identities: Set<KeyIdentity> = []
      for table in closing.map(\.table) + [active] {
        found += violations(of: table, identities: &identities)
      }
      do {
        for run in runs { found += try violations(of: run, identities: &identities) }
      } catch {
        found.append("\(error)")
      }
      let repeated = keyCount - identities.count
      if repeated > 0, !keysRepeat { found.append("\(repeated) keys twice") }
      for run in nextSlices?.missed ?? [] where run.residentByteCount == 0 {
        found.append("a run was given back before a filter has its keys")
      }
      if let unlisted, unlisted.run.header.keyCount != closing.first?.table.count {
        found.append("a table is sealed out of order")
      }
      return found
    }

    private func violations(
      of table: BucketTable, identities: inout Set<KeyIdentity>
    ) -> [String] {
      var found: [String] = []
      var count = table.stashedCount
      for index in 0..<table.bucketCount {
        let bucket = unsafe table.bucket(index)
        for slot in 0..<(unsafe bucket.count) {
          let neighbour = unsafe table.bucket(index ^ 1)
          let isDisplaced = unsafe bucket.displacedSlots &>> UInt32(slot) & 1 != 0
          let home = isDisplaced ? index ^ 1 : index
          let identity = unsafe KeyIdentity(
            upperBits: KeyIdentity.upperBits(bucket: home, shards: table.shards),
            rest: bucket.rest(slot), tag: bucket.tag(slot))
          identities.insert(identity)
          count += 1
          if scaled(identity.position, to: table.bucketCount) != home { found.append("home") }
          if isDisplaced, unsafe !neighbour.isFull { found.append("displaced without need") }
          if unsafe table.find(identity) != bucket.payload(slot) { found.append("not found") }
        }
      }
      for shard in 0..<table.shards {
        for key in unsafe table.stash.sortedKeys(shard: shard) {
          identities.insert(key.identity)
          let home = scaled(key.identity.position, to: table.bucketCount)
          let isNeeded = unsafe table.bucket(home).isFull && table.bucket(home ^ 1).isFull
          if !isNeeded { found.append("stashed without need") }
          if home / TableGeometry.bucketsPerShard != shard { found.append("stashed elsewhere") }
          if table.find(key.identity) != key.payload { found.append("stashed, not found") }
        }
      }
      if count != table.count { found.append("a table counts \(table.count), holds \(count)") }
      if table.count > table.capacity { found.append("a table is too full") }
      return found
    }

    private func violations(
      of run: SealedRun, identities: inout Set<KeyIdentity>
    ) throws(RunError) -> [String] {
      var found: [String] = []
      var before: KeyIdentity?
      for page in 0..<run.header.pageCount {
        let keys = try run.keys(ofPage: page)
        for place in 0..<keys.count {
          let (identity, payload) = (keys[place].identity, keys[place].payload)
          identities.insert(identity)
          if let before, before >= identity { found.append("order of a run") }
          before = identity
          if try run.find(identity) != payload { found.append("sealed, not found") }
          if !run.filter.mayContain(position: identity.position, bits: identity.tag) {
            found.append("a run's filter forgot a key")
          }
          if !filter.mayContain(identity) { found.append("the filter forgot a key") }
        }
      }
      return found
    }
  }
#endif
