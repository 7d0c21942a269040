internal import CIntrinsics

/// Finds dense row numbers by a 64-bit hash: open addressing with linear probing.
///
/// The rows themselves, and with them the exact comparison, belong to the owner of the index. An
/// entry keeps 32 bits of the hash beside the row, so that growing needs no row and few rows are
/// compared in vain. The index is cut into 64 shards by the top bits of the hash; each one grows
/// alone, so that no single insertion moves more than a sixty-fourth of it. One owner.
@safe
struct HashIndex: ~Copyable {
  private static let shardBits = 6
  private static let shardCount = 1 << shardBits
  /// log₂ of the entries of a new shard: two cache lines.
  private static let leastCapacityBits = 4

  @unsafe
  private struct Shard {
    /// The low 32 bits of the hash in the upper half, row + 1 in the lower; 0 for an empty one.
    var entries: UnsafeMutablePointer<UInt64>
    /// 32 − log₂ of the capacity: the top bits of the 32 kept bits are the first place to look.
    var shift: UInt32
    var count: UInt32

    @inline(__always)
    var capacity: Int { unsafe mask + 1 }

    /// The capacity is a power of two.
    @inline(__always)
    var mask: Int { unsafe Int(truncatingIfNeeded: UInt32.max &>> shift) }

    init(capacityBits: Int) {
      unsafe entries = .allocate(capacity: 1 << capacityBits)
      unsafe entries.initialize(repeating: 0, count: 1 << capacityBits)
      unsafe shift = UInt32(truncatingIfNeeded: 32 - capacityBits)
      unsafe count = 0
    }
  }

  private let shards: UnsafeMutablePointer<Shard>

  /// An empty index.
  init() {
    unsafe shards = .allocate(capacity: HashIndex.shardCount)
    for index in 0..<HashIndex.shardCount {
      unsafe (shards + index).initialize(to: Shard(capacityBits: HashIndex.leastCapacityBits))
    }
  }

  deinit {
    for index in 0..<HashIndex.shardCount { unsafe shards[index].entries.deallocate() }
    unsafe shards.deallocate()
  }

  /// Bytes of all shards. O(1).
  var byteCount: Int {
    var entries = 0
    for index in 0..<HashIndex.shardCount { unsafe entries += shards[index].capacity }
    return entries * MemoryLayout<UInt64>.stride
  }

  /// Asks the memory for the cache line where a search for the hash begins.
  @inline(__always)
  func prefetch(_ hash: UInt64) {
    let shard = unsafe shards[Int(truncatingIfNeeded: hash >> (64 - HashIndex.shardBits))]
    let home = unsafe Int(truncatingIfNeeded: UInt32(truncatingIfNeeded: hash) &>> shard.shift)
    unsafe wb_prefetch_read(shard.entries + home)
  }

  /// The row that a search for the hash would probably give, without comparing it; or nil.
  @inline(__always)
  func guess(_ hash: UInt64) -> UInt32? {
    find(hash) { _ in true }
  }

  /// The row with this hash that `isMatch` takes, or nil.
  @inline(__always)
  func find(_ hash: UInt64, where isMatch: (UInt32) -> Bool) -> UInt32? {
    let shard = unsafe shards[Int(truncatingIfNeeded: hash >> (64 - HashIndex.shardBits))]
    let kept = UInt32(truncatingIfNeeded: hash)
    let mask = unsafe shard.mask
    var place = unsafe Int(truncatingIfNeeded: kept &>> shard.shift)
    while true {
      let entry = unsafe shard.entries[place]
      if entry == 0 { return nil }
      if UInt32(truncatingIfNeeded: entry >> 32) == kept {
        let row = UInt32(truncatingIfNeeded: entry) &- 1
        if isMatch(row) { return row }
      }
      place = (place &+ 1) & mask
    }
  }

  /// Adds a row, which must be below 2³² − 1, under its hash. Amortised O(1).
  mutating func insert(_ hash: UInt64, row: UInt32) {
    precondition(row < .max, "BUG: more rows than an index can number")
    let shard = unsafe shards + Int(truncatingIfNeeded: hash >> (64 - HashIndex.shardBits))
    // At most five eighths full: beyond, the chains of linear probing grow quickly.
    if unsafe (Int(shard.pointee.count) + 1) * 8 > shard.pointee.capacity * 5 {
      unsafe HashIndex.grow(&shard.pointee)
    }
    unsafe HashIndex.place(
      UInt64(UInt32(truncatingIfNeeded: hash)) << 32 | UInt64(row + 1), in: shard.pointee)
    unsafe shard.pointee.count += 1
  }

  /// Removes a row that was added under this hash.
  ///
  /// The entries behind it move up (Knuth, The Art of Computer Programming, volume 3, 6.4,
  /// algorithm R), so that removals leave nothing to search through.
  mutating func remove(_ hash: UInt64, row: UInt32) {
    let shard = unsafe shards + Int(truncatingIfNeeded: hash >> (64 - HashIndex.shardBits))
    let entries = unsafe shard.pointee.entries
    let shift = unsafe shard.pointee.shift
    let mask = unsafe shard.pointee.mask
    let kept = UInt32(truncatingIfNeeded: hash)
    let wanted = UInt64(kept) << 32 | UInt64(row + 1)
    var hole = Int(truncatingIfNeeded: kept &>> shift)
    while unsafe entries[hole] != wanted {
      precondition(unsafe entries[hole] != 0, "BUG: the row to remove is not in the index")
      hole = (hole + 1) & mask
    }
    var place = hole
    while true {
      place = (place &+ 1) & mask
      let entry = unsafe entries[place]
      if entry == 0 { break }
      let home = Int(truncatingIfNeeded: UInt32(truncatingIfNeeded: entry >> 32) &>> shift)
      if (place - home) & mask >= (place - hole) & mask {
        unsafe entries[hole] = entry
        hole = place
      }
    }
    unsafe entries[hole] = 0
    unsafe shard.pointee.count -= 1
  }

  /// Removes all rows; shards with more than `keepingCapacity` entries give their memory back.
  mutating func removeAll(keepingCapacity: Int) {
    for index in 0..<HashIndex.shardCount {
      let shard = unsafe shards + index
      if unsafe shard.pointee.capacity * HashIndex.shardCount > keepingCapacity {
        unsafe shard.pointee.entries.deallocate()
        unsafe shard.pointee = Shard(capacityBits: HashIndex.leastCapacityBits)
      } else {
        unsafe shard.pointee.entries.update(repeating: 0, count: shard.pointee.capacity)
        unsafe shard.pointee.count = 0
      }
    }
  }

  @inline(__always)
  private static func place(_ entry: UInt64, in shard: Shard) {
    let mask = unsafe shard.mask
    var place = unsafe Int(
      truncatingIfNeeded: UInt32(truncatingIfNeeded: entry >> 32) &>> shard.shift)
    while unsafe shard.entries[place] != 0 { place = (place &+ 1) & mask }
    unsafe shard.entries[place] = entry
  }

  @inline(never)
  private static func grow(_ shard: inout Shard) {
    let capacity = unsafe shard.capacity
    precondition(capacity < 1 << 31, "BUG: a shard of an index cannot grow further")
    var larger = unsafe Shard(capacityBits: Int(32 - shard.shift) + 1)
    for index in 0..<capacity {
      let entry = unsafe shard.entries[index]
      if entry != 0 { unsafe HashIndex.place(entry, in: larger) }
    }
    unsafe larger.count = shard.count
    unsafe shard.entries.deallocate()
    unsafe shard = larger
  }
}

// One owner holds the only pointers to the shards.
extension HashIndex: @unchecked Sendable {}
