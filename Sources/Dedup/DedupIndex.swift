/// Is this key inside the window? One thread owns an index.
///
/// The window is by arrival and made of generations. The active one is an exact hash set that takes
/// new keys. When it is full or old it closes; ``takeUpkeep(synced:)`` turns it into a run, a
/// sorted file. One Bloom filter stands in front of all runs and may only say "certainly not";
/// tables and runs give every verdict. A generation leaves when its last key's arrival is further
/// back than the window, so a key is recognised for at least the window after its first arrival.
///
/// No clock, no randomness: the same calls give the same answers, whenever upkeep is done.
public struct DedupIndex: ~Copyable {
  let limits: DedupLimits
  let geometry: TableGeometry
  /// Keys that fit below all limits.
  let capacity: Int
  let owner: RunOwner
  let store: any RunStore
  /// The highest arrival so far.
  var now: Int64
  /// How far the log is, and how many keys are new since then.
  var front: LogFront
  var freshCount: UInt64 = 0
  /// The generation that takes new keys.
  var active: BucketTable
  /// Where it begins in the log: the place from which it has to be read, the position of its first
  /// key, and the arrival of the last key before it.
  var activeFrom: LogPlace
  var activeStart: UInt64
  var activeAfter: Int64
  /// The table that will be active next, once it is ready.
  var prepared: BucketTable?
  /// Closed generations that are still tables, oldest first.
  var closing: [ClosedGeneration] = []
  /// Sealed generations, oldest first, all older than the closing ones.
  var runs: [SealedRun] = []
  /// Whether runs or files have changed since runs to merge were looked for.
  var mayMerge = true
  /// The number of the next run.
  var nextRun: UInt64
  /// Stands in front of ``runs``.
  let filter = RunsFilter()
  /// A run that takes the place of its table once every slice of the filter has its keys.
  var unlisted: UnlistedRun?
  /// Slices of the filter that are being made.
  var nextSlices: NextSlices?
  /// The pieces that are out.
  var out: [DedupUpkeep] = []
  /// What has left, and whose memory and files are to be given back by upkeep.
  var retired = RetiredParts()
  var scratch = SealedScratch()
  /// The first upkeep that failed since somebody asked, and from when on it is tried again.
  var failure: (any Error)?
  var retryFrom: Int64 = .min
  var closingKeys = 0
  var sealedKeys = 0

  /// A closed generation that is still a table.
  struct ClosedGeneration {
    let table: BucketTable
    let span: RunSpan
  }

  /// A sealed generation, and the filters that have its keys.
  struct UnlistedRun {
    let run: SealedRun
    var filters: [SplitBlockBloomFilter?]
  }

  /// Slices of the filter that are being made, by their numbers once they have their memory, and
  /// the runs that came meanwhile.
  struct NextSlices {
    var slices: [RunsFilter.Slice?]
    var missed: [SealedRun]
  }

  /// An index whose older keys stand in runs.
  ///
  /// - Parameters:
  ///   - limits: the window and how much may be held.
  ///   - owner: whose keys.
  ///   - store: where runs are written.
  ///   - runs: the runs of the store, the oldest one first, whose spans join.
  ///   - nextRun: the least number that no file of the store has, beside those of `runs`.
  ///   - arrival: the time from which it counts, in milliseconds.
  ///
  /// It takes 8 MiB at once; memory grows with use from there.
  public init(
    limits: DedupLimits, owner: RunOwner, store: any RunStore, runs: [SealedRun] = [],
    nextRun: UInt64 = 1, startingAt arrival: Int64
  ) {
    self.init(
      limits: limits, owner: owner, store: store, runs: runs, nextRun: nextRun,
      startingAt: arrival, geometry: TableGeometry())
  }

  init(
    limits: DedupLimits, owner: RunOwner, store: any RunStore, runs: [SealedRun],
    nextRun: UInt64 = 1, startingAt arrival: Int64, geometry: TableGeometry
  ) {
    precondition(limits.areValid, "BUG: limits of a dedup index that leave it nothing")
    self.limits = limits
    self.geometry = geometry
    capacity = limits.capacity(geometry).keys
    self.owner = owner
    self.store = store
    self.runs = runs
    let last = runs.last?.header.span
    // The log is read on from before the last run's end: what is given again did not come earlier.
    now = max(arrival, last?.lastArrival ?? arrival)
    activeFrom = last?.through ?? LogPlace(position: 0, chain: 0)
    activeStart = last?.end ?? 0
    activeAfter = last?.lastArrival ?? .min
    front = LogFront(sealed: activeFrom, open: activeFrom.position)
    self.nextRun = max(nextRun, (runs.map(\.header.number).max() ?? 0) + 1)
    sealedKeys = runs.reduce(0) { $0 + $1.header.keyCount }
    active = BucketTable(shards: 1, geometry: geometry)
    active.memory.prepare()
  }

  /// Keys in the index. Complexity: O(1).
  public var keyCount: Int { active.count + closingKeys + sealedKeys }

  /// Begins behind the beginning of the log, in an index without keys: its first run tells later
  /// starts that what was before is lost.
  ///
  /// - Parameters:
  ///   - place: where the log that is left begins.
  ///   - arrival: in milliseconds, not before that of any key before `place`, nor behind that of
  ///     any key after it.
  public mutating func begin(at place: LogPlace, after arrival: Int64) {
    precondition(keyCount == 0, "BUG: an index with keys begins")
    activeFrom = place
    activeStart = place.position
    activeAfter = arrival
    front = LogFront(sealed: place, open: place.position)
  }

  /// Where the log is read on after a start from the runs: the keys of everything before are in
  /// them, on stable storage, or have left. A closed generation is not, until it is sealed.
  public var completeThrough: LogPlace {
    runs.last?.header.span.through ?? LogPlace(position: 0, chain: 0)
  }

  /// The index is complete for arrivals later than this, in milliseconds; nil if it is from the
  /// beginning.
  public var completeAfter: Int64? {
    let oldest = runs.first?.header.span ?? closing.first?.span
    let (start, after) = oldest.map { ($0.start, $0.after) } ?? (activeStart, activeAfter)
    return start > 0 ? after : nil
  }

  /// Whether this many new keys fit below the limits. Ask before ``judge``: the index itself never
  /// refuses a key, because forgetting one would be worse.
  ///
  /// There is no room either while closed generations cannot be sealed as fast as they fill: the
  /// tables that wait would grow without bound. Complexity: O(generations that wait).
  public func hasRoom(for count: Int) -> Bool {
    guard count <= capacity - keyCount else { return false }
    return count <= active.capacity - active.count || mayClose
  }

  /// Whether the active table may join the ones that wait to be sealed.
  private var mayClose: Bool {
    let waiting = closing.reduce(active.shards) { $0 + $1.table.shards }
    return waiting <= 2 * geometry.maximumShards(limits)
  }
}

/// How far the log is on stable storage.
public struct SyncedEnd: Sendable, Hashable {
  /// Everything before this position is.
  public var position: UInt64
  /// The arrival of an entry before it, in milliseconds; the later the sooner files leave.
  public var arrival: Int64

  /// How far the log is on stable storage.
  public init(position: UInt64, arrival: Int64) {
    self.position = position
    self.arrival = arrival
  }

  /// All of it, for an index without a log.
  public static let max = SyncedEnd(position: .max, arrival: .max)
}

/// How far the log is when a batch of keys is judged.
public struct LogFront: Sendable, Hashable {
  /// The end of its last block.
  public var sealed: LogPlace
  /// The position of ``sealed``, and the records behind it up to the batch's first new key. It is
  /// the same live and in a replay, because receipts do not count: spans join by it.
  public var open: UInt64

  /// How far the log is.
  public init(sealed: LogPlace, open: UInt64) {
    self.sealed = sealed
    self.open = open
  }
}
