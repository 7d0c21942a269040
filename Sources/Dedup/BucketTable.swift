internal import CIntrinsics

/// The exact hash set of one generation: buckets of nine slots, filled up to a load that keeps most
/// keys at home, then closed; it never grows.
///
/// A key stands in its home bucket; if that is full in the neighbour (index xor 1), marked as
/// displaced; if that is full too, in the stash of its shard. Buckets keep the order of identities.
@safe
final class BucketTable {
  let shards: Int
  let bucketCount: Int
  /// Keys at which the generation closes.
  let capacity: Int
  let memory: TableMemory
  let stash: OverflowStash
  private let stashLimit: Int
  private var stashCounts: [Int]
  private(set) var count = 0
  /// Arrival of the first and of the last key; meaningful if there is one.
  private(set) var firstArrival: Int64 = 0
  private(set) var lastArrival: Int64 = 0

  init(shards: Int, geometry: TableGeometry) {
    self.shards = shards
    bucketCount = shards * TableGeometry.bucketsPerShard
    capacity = shards * geometry.keysPerShard
    stashLimit = geometry.stashLimit
    stashCounts = Array(repeating: 0, count: shards)
    let bucketBytes = bucketCount * TableGeometry.bytesPerBucket
    let stashSlots = shards * geometry.stashSlotsPerShard
    memory = TableMemory(
      byteCount: bucketBytes + stashSlots * TableGeometry.bytesPerStashSlot)
    unsafe stash = OverflowStash(
      memory: memory.base + bucketBytes, shards: shards,
      slotsPerShard: geometry.stashSlotsPerShard)
  }

  /// Keys in the stashes.
  var stashedCount: Int { stashCounts.reduce(0, +) }

  /// The bucket with this index.
  @inline(__always)
  func bucket(_ index: Int) -> Bucket {
    unsafe Bucket(memory.base + index &* TableGeometry.bytesPerBucket)
  }

  /// The payload of a key, or nil.
  @inline(__always)
  func find(_ identity: KeyIdentity) -> UInt16? {
    let index = scaled(identity.position, to: bucketCount)
    let home = unsafe bucket(index)
    if let slot = unsafe home.find(identity, displaced: false) {
      return unsafe home.payload(slot)
    }
    return unsafe home.isFull ? findElsewhere(identity, home: index) : nil
  }

  /// The payload of a key whose home bucket is full and does not hold it, or nil.
  @inline(never)
  private func findElsewhere(_ identity: KeyIdentity, home: Int) -> UInt16? {
    let neighbour = unsafe bucket(home ^ 1)
    if let slot = unsafe neighbour.find(identity, displaced: true) {
      return unsafe neighbour.payload(slot)
    }
    let shard = home / TableGeometry.bucketsPerShard
    guard unsafe neighbour.isFull, stashCounts[shard] > 0 else { return nil }
    return unsafe stash.find(identity, shard: shard)
  }

  /// Adds a key that is not there.
  ///
  /// - Returns: false if the table takes no more keys; it must close then.
  @inline(__always)
  func insert(_ identity: KeyIdentity, payload: UInt16, arrival: Int64) -> Bool {
    guard count < capacity else { return false }
    let index = scaled(identity.position, to: bucketCount)
    let home = unsafe bucket(index)
    if unsafe !home.isFull {
      unsafe home.append(identity, payload: payload, displaced: false)
    } else if !insertElsewhere(identity, payload: payload, home: index) {
      return false
    }
    if count == 0 { firstArrival = arrival }
    lastArrival = arrival
    count &+= 1
    return true
  }

  @inline(never)
  private func insertElsewhere(_ identity: KeyIdentity, payload: UInt16, home: Int) -> Bool {
    let neighbour = unsafe bucket(home ^ 1)
    if unsafe !neighbour.isFull {
      unsafe neighbour.append(identity, payload: payload, displaced: true)
      return true
    }
    let shard = home / TableGeometry.bucketsPerShard
    guard stashCounts[shard] < stashLimit else { return false }
    unsafe stash.insert(identity, payload: payload, shard: shard)
    stashCounts[shard] += 1
    return true
  }

  /// Asks for the neighbour of a key's home bucket if that is full.
  @inline(__always)
  func prefetchNeighbour(_ hash: KeyHash) {
    let position = UInt32(truncatingIfNeeded: hash.high &>> 32)
    let home = scaled(position, to: bucketCount)
    let isFull = unsafe bucket(home).isFull
    unsafe wb_prefetch_read(bucket(home ^ (isFull ? 1 : 0)).base)
  }

  /// Asks for the lines of a key's home bucket before it is looked up.
  @inline(__always)
  func prefetch(_ hash: KeyHash) {
    let position = UInt32(truncatingIfNeeded: hash.high &>> 32)
    let home = unsafe bucket(scaled(position, to: bucketCount))
    unsafe wb_prefetch_write(home.base)
    unsafe wb_prefetch_write(home.base + 64)
  }
}
