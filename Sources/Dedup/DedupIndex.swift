/// Is this key inside the window? One thread owns an index.
///
/// The window is by arrival and made of generations. The active one is an exact hash set that takes
/// new keys. When it is full or old it closes; ``takeUpkeep()`` turns it into a sorted run.
/// One Bloom filter stands in front of all runs and may only say "certainly not"; tables and runs
/// give every verdict. A generation leaves when its last key's arrival is further back than the
/// window, so a key is recognised for at least the window after its first arrival.
///
/// No clock, no randomness: the same calls give the same answers, whenever upkeep is done.
public struct DedupIndex: ~Copyable {
  let limits: DedupLimits
  let geometry: TableGeometry
  /// The highest arrival so far.
  var now: Int64
  /// The generation that takes new keys.
  var active: BucketTable
  /// The table that will be active next, once it is ready.
  var prepared: BucketTable?
  /// Closed generations that are still tables, oldest first.
  var closing: [BucketTable] = []
  /// Sealed generations, oldest first, all older than the closing ones.
  var runs: [SealedRun] = []
  /// Stands in front of ``runs``.
  var filter: SplitBlockBloomFilter
  /// The run of the oldest closing generation, while it is put into the filter.
  var filling: Filling?
  /// Whether the next table is being made ready, and whether a closed one is being sealed or memory
  /// given back, by upkeep that is out.
  var isPreparing = false
  var isSealing = false
  /// Memory of departed parts, to be given back by upkeep.
  var retired: [TableMemory] = []
  var closingKeys = 0
  var sealedKeys = 0

  /// An empty index.
  ///
  /// - Parameters:
  ///   - limits: the window and how much may be held.
  ///   - arrival: the time from which it counts, in milliseconds.
  ///
  /// It takes 8 MiB at once; memory grows with use from there.
  public init(limits: DedupLimits, startingAt arrival: Int64) {
    self.init(limits: limits, startingAt: arrival, geometry: TableGeometry())
  }

  init(limits: DedupLimits, startingAt arrival: Int64, geometry: TableGeometry) {
    self.limits = limits
    self.geometry = geometry
    now = arrival
    active = BucketTable(shards: 1, geometry: geometry)
    active.memory.prepare()
    filter = SplitBlockBloomFilter(
      capacity: geometry.minimumFilterKeys, bitsPerKey: geometry.filterBitsPerKey)
  }

  /// Keys in the index. Complexity: O(1).
  public var keyCount: Int { active.count + closingKeys + sealedKeys }

  /// Whether this many new keys fit below the limit of keys. Ask before ``judge``: the index itself
  /// never refuses a key, because forgetting one would be worse. Complexity: O(1).
  public func hasRoom(for count: Int) -> Bool {
    count <= limits.maximumKeys - keyCount
  }
}
