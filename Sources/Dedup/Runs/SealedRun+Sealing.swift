extension SealedRun {
  /// Writes the keys of a closed table, sorted, and puts them into the filter over all runs.
  /// Complexity: O(buckets + keys).
  ///
  /// Buckets are visited in order, which is the order of identities, so only the few keys of one
  /// bucket need sorting: its own, those displaced into its neighbour, and those in the stash.
  ///
  /// - Parameters:
  ///   - table: a closed table with at least one key.
  ///   - writer: the run's file, with nothing in it yet.
  ///   - filters: those of the slices of that filter; nil where there is none.
  ///   - rest: called after each step.
  static func write(
    _ table: BucketTable, into writer: inout RunWriter, filters: [SplitBlockBloomFilter?],
    rest: () -> Void
  ) throws {
    var group: [SealedKey] = []
    var (slice, filter) = (0, filters.first ?? nil)
    var stashed = StashedKeys()
    for home in 0..<table.bucketCount {
      if home % TableGeometry.bucketsPerShard == 0 {
        stashed = StashedKeys(table, shard: home / TableGeometry.bucketsPerShard)
      }
      if home % bucketsPerStep == 0 { rest() }
      let own = unsafe table.bucket(home)
      // Only the keys of a full bucket stand elsewhere. Most of an idle service's are empty.
      if unsafe own.count == 0 { continue }
      group.removeAll(keepingCapacity: true)
      while let key = stashed.next(home: home, of: table) { group.append(key) }
      let upper = KeyIdentity.upperBits(bucket: home, shards: table.shards)
      let neighbour = unsafe table.bucket(home ^ 1)
      unsafe gather(own, own.ownSlots, upper: upper, into: &group)
      unsafe gather(neighbour, neighbour.displacedSlots, upper: upper, into: &group)
      for key in group {
        try writer.append(key)
        let next = RunsFilter.slice(of: key.identity.position)
        if next != slice { (slice, filter) = (next, filters[next]) }
        if let filter { RunsFilter.insert(key.identity, into: filter) }
      }
    }
  }

  private static let bucketsPerStep = 1 << 12

  /// Takes the slots of a bucket whose bits are set, all with a home of these upper bits, into an
  /// ascending group.
  @inline(__always)
  private static func gather(
    _ bucket: Bucket, _ slots: UInt32, upper: UInt16, into group: inout [SealedKey]
  ) {
    var slots = slots
    while slots != 0 {
      let slot = slots.trailingZeroBitCount
      let identity = unsafe KeyIdentity(
        upperBits: upper, rest: bucket.rest(slot), tag: bucket.tag(slot))
      let key = unsafe SealedKey(identity, payload: bucket.payload(slot))
      var place = group.count
      group.append(key)
      while place > 0, group[place &- 1].bits > key.bits {
        group[place] = group[place &- 1]
        place &-= 1
      }
      group[place] = key
      slots &= slots &- 1
    }
  }

  /// The stashed keys of one shard, ascending.
  private struct StashedKeys {
    private var keys: ArraySlice<SealedKey> = []

    init() {}

    init(_ table: BucketTable, shard: Int) {
      unsafe keys = table.stash.sortedKeys(shard: shard)[...]
    }

    /// The next key if its home is this bucket.
    @inline(__always)
    mutating func next(home: Int, of table: BucketTable) -> SealedKey? {
      guard let key = keys.first,
        scaled(key.identity.position, to: table.bucketCount) == home
      else { return nil }
      return keys.removeFirst()
    }
  }
}
