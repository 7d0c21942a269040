/// The few keys of a ``BucketTable`` whose bucket and neighbour were full: about one in 200 at the
/// operating load. One small open-addressed table for each shard, probed linearly.
@unsafe
struct OverflowStash {
  /// Identity plus one of each slot; zero is free.
  private let identities: UnsafeMutablePointer<UInt128>
  private let payloads: UnsafeMutablePointer<UInt16>
  private let slotsPerShard: Int

  /// A view of zeroed memory that is aligned to 16 bytes.
  init(memory: UnsafeMutableRawPointer, shards: Int, slotsPerShard: Int) {
    let slots = shards * slotsPerShard
    unsafe identities = memory.bindMemory(to: UInt128.self, capacity: slots)
    unsafe payloads = (memory + slots * 16).bindMemory(to: UInt16.self, capacity: slots)
    unsafe self.slotsPerShard = slotsPerShard
  }

  /// The payload of a key, or nil.
  func find(_ identity: KeyIdentity, shard: Int) -> UInt16? {
    let (slot, found) = unsafe locate(identity, shard: shard)
    return found ? unsafe payloads[slot] : nil
  }

  /// Adds a key that is not there; the shard has a free slot.
  func insert(_ identity: KeyIdentity, payload: UInt16, shard: Int) {
    let (slot, _) = unsafe locate(identity, shard: shard)
    unsafe identities[slot] = identity.bits &+ 1
    unsafe payloads[slot] = payload
  }

  /// The keys of a shard in ascending order.
  func sortedKeys(shard: Int) -> [SealedKey] {
    var keys: [SealedKey] = []
    for slot in unsafe shard * slotsPerShard..<(shard + 1) * slotsPerShard
    where unsafe identities[slot] != 0 {
      let identity = unsafe KeyIdentity(bits: identities[slot] &- 1)
      unsafe keys.append(SealedKey(identity, payload: payloads[slot]))
    }
    keys.sort { $0.bits < $1.bits }
    return keys
  }

  /// The slot that holds a key, or the free slot where it belongs.
  private func locate(_ identity: KeyIdentity, shard: Int) -> (slot: Int, found: Bool) {
    let (first, mask) = unsafe (shard &* slotsPerShard, slotsPerShard &- 1)
    var offset = Int(truncatingIfNeeded: identity.tag)
    while true {
      let slot = first &+ (offset & mask)
      let stored = unsafe identities[slot]
      if stored == identity.bits &+ 1 { return (slot, true) }
      if stored == 0 { return (slot, false) }
      offset &+= 1
    }
  }
}
