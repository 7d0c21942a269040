extension SealedRun {
  /// The keys of a closed table, sorted. Complexity: O(buckets + keys).
  ///
  /// Buckets are visited in order, which is the order of identities, so only the few keys of one
  /// bucket need sorting: its own, those displaced into its neighbour, and those in the stash.
  ///
  /// - Parameter rest: called after each step.
  convenience init(sealing table: BucketTable, rest: () -> Void = {}) {
    self.init(count: table.count, lastArrival: table.lastArrival)
    memory.prepare(rest: rest)
    write { writer in
      var stashed = StashedKeys()
      for home in 0..<table.bucketCount {
        if home.isMultiple(of: TableGeometry.bucketsPerShard) {
          stashed = StashedKeys(table, shard: home / TableGeometry.bucketsPerShard)
        }
        if home.isMultiple(of: Self.bucketsPerStep) { rest() }
        writer.beginGroup()
        while let key = stashed.next(home: home, of: table) { writer.append(key) }
        let upper = KeyIdentity.upperBits(bucket: home, shards: table.shards)
        let (own, neighbour) = unsafe (table.bucket(home), table.bucket(home ^ 1))
        unsafe Self.gather(own, own.ownSlots, upper: upper, into: &writer)
        unsafe Self.gather(neighbour, neighbour.displacedSlots, upper: upper, into: &writer)
      }
    }
    finish()
  }

  private static let bucketsPerStep = 1 << 12

  /// Takes the slots of a bucket whose bits are set, all with a home of these upper bits.
  @inline(__always)
  private static func gather(
    _ bucket: Bucket, _ slots: UInt32, upper: UInt16, into writer: inout SealedRun.Writer
  ) {
    var slots = slots
    while slots != 0 {
      let slot = slots.trailingZeroBitCount
      let identity = unsafe KeyIdentity(
        upperBits: upper, rest: bucket.rest(slot), tag: bucket.tag(slot))
      unsafe writer.append(SealedKey(identity, payload: bucket.payload(slot)))
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
