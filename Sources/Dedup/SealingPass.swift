/// Turns a closed ``BucketTable`` into a ``SealedRun``, some buckets at a time.
///
/// Buckets are visited in order, which is the order of identities, so only the few keys of one
/// bucket need sorting: its own, those displaced into its neighbour, and those in the stash.
struct SealingPass {
  let table: BucketTable
  let run: SealedRun
  private var isPrepared = false
  private var nextBucket = 0
  private var stashed: [SealedKey] = []
  private var nextStashed = 0

  init(table: BucketTable) {
    self.table = table
    run = SealedRun(count: table.count, lastArrival: table.lastArrival)
  }

  /// Takes 2 MiB of the run's memory, or does about `budget` units of work, one for each bucket and
  /// for each key.
  ///
  /// - Returns: whether more remains.
  mutating func advance(budget: Int) -> Bool {
    guard isPrepared else {
      isPrepared = !run.memory.prepareStep()
      return true
    }
    var work = 0
    run.write { writer in
      while work < budget, nextBucket < table.bucketCount {
        writer.beginGroup()
        gather(home: nextBucket, into: &writer)
        work += 1 + writer.groupCount
        nextBucket += 1
      }
    }
    guard nextBucket == table.bucketCount else { return true }
    run.finish()
    return false
  }

  private mutating func gather(home: Int, into writer: inout SealedRun.Writer) {
    if home.isMultiple(of: TableGeometry.bucketsPerShard) {
      let shard = home / TableGeometry.bucketsPerShard
      stashed = unsafe table.stash.sortedKeys(shard: shard)
      nextStashed = 0
    }
    while nextStashed < stashed.count,
      scaled(stashed[nextStashed].identity.position, to: table.bucketCount) == home
    {
      writer.append(stashed[nextStashed])
      nextStashed += 1
    }
    let upper = KeyIdentity.upperBits(bucket: home, shards: table.shards)
    let (own, neighbour) = unsafe (table.bucket(home), table.bucket(home ^ 1))
    unsafe gather(own, own.ownSlots, upper: upper, into: &writer)
    unsafe gather(neighbour, neighbour.displacedSlots, upper: upper, into: &writer)
  }

  /// Takes the slots of a bucket whose bits are set, all with a home of these upper bits.
  @inline(__always)
  private func gather(
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
}
