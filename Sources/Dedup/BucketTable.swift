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
    return unsafe home.hasOverflowed ? findElsewhere(identity, home: index) : nil
  }

  /// The payload of a key whose home bucket has overflowed and does not hold it, or nil.
  @inline(never)
  private func findElsewhere(_ identity: KeyIdentity, home: Int) -> UInt16? {
    let neighbour = unsafe bucket(home ^ 1)
    if let slot = unsafe neighbour.find(identity, displaced: true) {
      return unsafe neighbour.payload(slot)
    }
    guard unsafe bucket(home).hasStashed else { return nil }
    return unsafe stash.find(identity, shard: home / TableGeometry.bucketsPerShard)
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
    let isStashed = unsafe neighbour.isFull
    if isStashed {
      let shard = home / TableGeometry.bucketsPerShard
      guard stashCounts[shard] < stashLimit else { return false }
      unsafe stash.insert(identity, payload: payload, shard: shard)
      stashCounts[shard] += 1
    } else {
      unsafe neighbour.append(identity, payload: payload, displaced: true)
    }
    unsafe bucket(home).markOverflowed(stashed: isStashed)
    return true
  }

  /// Asks for the lines of the keys' home buckets before they are looked up and perhaps added.
  func prefetch(_ hashes: Span<KeyHash>) {
    for index in hashes.indices {
      let home = unsafe bucket(homeIndex(hashes[index]))
      unsafe wb_prefetch_write(home.base)
      unsafe wb_prefetch_write(home.base + 64)
    }
  }

  /// Asks for the first line of each home bucket, which most answers come from.
  func prefetchTags(_ hashes: Span<KeyHash>) {
    for index in hashes.indices { unsafe wb_prefetch_read(bucket(homeIndex(hashes[index])).base) }
  }

  @inline(__always)
  private func homeIndex(_ hash: KeyHash) -> Int {
    scaled(UInt32(truncatingIfNeeded: hash.high &>> 32), to: bucketCount)
  }

  /// Asks for the neighbours of the home buckets that are there and that keys may be missing from:
  /// those that have overflowed, and those that are full, whose next key goes to the neighbour.
  func prefetchNeighbours(_ hashes: Span<KeyHash>) {
    for index in hashes.indices {
      let home = homeIndex(hashes[index])
      let isFull = unsafe bucket(home).isFull
      unsafe wb_prefetch_read(bucket(home ^ (isFull ? 1 : 0)).base)
    }
  }

  /// Looks keys up that are not known yet.
  ///
  /// - Parameter payloads: receives the payload of each key that is there.
  func find(_ hashes: Span<KeyHash>, payloads: inout KnownPayloads) {
    for index in hashes.indices {
      if let payload = find(KeyIdentity(hashes[index])) { payloads[index] = Int32(payload) }
    }
  }
}
