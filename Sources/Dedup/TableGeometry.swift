/// Sizes of the index's parts, named once.
struct TableGeometry {
  /// Buckets of a shard, 8 MiB. Being 2¹⁶, they decide the 16 bits of an identity that its slot
  /// leaves out.
  static let bucketsPerShard = 1 << 16
  /// Slots of a ``Bucket``.
  static let slotsPerBucket = 9
  /// Bytes of a ``Bucket``, two cache lines.
  static let bytesPerBucket = 128
  /// Bytes of a slot of the ``OverflowStash``: an identity and a payload digest.
  static let bytesPerStashSlot = 18

  /// Keys per shard at which a generation closes: 65 % of the slots, 22.1 bytes a key.
  var keysPerShard = bucketsPerShard * slotsPerBucket * 65 / 100
  /// Stash slots of a shard, a power of two. At the operating load 2,100 of them are in use.
  var stashSlotsPerShard = 4096
  /// Keys that a filter is made for at least.
  var minimumFilterKeys = 4096
  /// Bits of the filter over all runs for each key: about one false "maybe" in 100 when it is full.
  var filterBitsPerKey = 10
  /// Bits of a run's own filter for each key: about one false "maybe" in 200.
  var runFilterBitsPerKey = 12
  /// The same of a run with less than a sixteenth of all keys: one in 500. Most runs are small, and
  /// hold few of the keys, so that they say "maybe" less often for little memory (Dayan et al.,
  /// Monkey, SIGMOD 2017).
  var smallRunFilterBitsPerKey = 15
  /// Runs that are merged into one, at least.
  var mergeFanIn = 4

  /// A shard with more keys than this in its stash closes the generation.
  var stashLimit: Int { stashSlotsPerShard * 3 / 4 }

  /// Bytes of memory that a sealed key takes: twelve bits of its run's filter, eleven of the filter
  /// over all runs, and its share of the fences; some are left for a part of the filter that is
  /// made anew.
  static let memoryPerSealedKey = 3
  /// Bytes of disk that a sealed key takes: its share of a page, of the fences and of the filter.
  static let diskPerSealedKey = 18
  /// Tables at a time, of the largest size: the active one, the next, and two that are sealed.
  static let tables = 4

  /// Bytes of one shard.
  private var bytesPerShard: Int {
    Self.bucketsPerShard * Self.bytesPerBucket + stashSlotsPerShard * Self.bytesPerStashSlot
  }

  /// Shards of the largest generation: it has at most a sixteenth of all keys, and all tables
  /// together at most a quarter of the memory.
  ///
  /// At most 4,096 of them, so that the 32 bits of a position tell buckets apart.
  func maximumShards(_ limits: DedupLimits) -> Int {
    let byKeys = limits.maximumKeys / 16 / keysPerShard
    let byMemory = limits.maximumMemory / 4 / Self.tables / bytesPerShard
    return min(max(1, min(byKeys, byMemory)), 4096)
  }

  /// Bytes of memory that tables take at most.
  func tableMemory(_ limits: DedupLimits) -> Int {
    Self.tables * maximumShards(limits) * bytesPerShard
  }
}
