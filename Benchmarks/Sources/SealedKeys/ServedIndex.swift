internal import Dedup
internal import Server

/// A key index that is served as the service does it: run files on a disk, upkeep on threads beside
/// the one that judges, and a log whose positions are the numbers of the keys.
final class ServedIndex {
  /// Keys of a block of the log, as many as the service's have at most.
  static let blockKeys: UInt64 = 16_384

  let limits: DedupLimits
  let folder: String
  private let blockKeys: UInt64
  private let store: RunFiles
  private let upkeep = UpkeepQueue(onDone: {})
  private var index: DedupIndex
  /// Keys that the log has.
  private(set) var position: UInt64
  /// The end of its last block, which is synced.
  private var blockEnd: UInt64
  private var piecesOut = 0
  /// Whether generations are sealed, runs merged and filters made.
  var seals = true
  private(set) var merges = 0
  /// Nanoseconds of all calls, and of the longest one.
  var judging = CallTimes()
  var maintaining = CallTimes()
  /// Nanoseconds for which keys would have been refused.
  private(set) var waiting = CallTimes()

  /// An index without keys, or with those of runs.
  init(
    _ limits: DedupLimits, folder: String, runs: [SealedRun] = [], position: UInt64 = 0,
    blockKeys: UInt64 = blockKeys
  ) {
    self.blockKeys = blockKeys
    self.limits = limits
    self.folder = folder
    self.position = position
    blockEnd = position
    store = RunFiles(folder: folder)
    index = DedupIndex(
      limits: limits, owner: Self.owner, store: store, runs: runs, startingAt: 0)
  }

  private static let owner = RunOwner(
    installation: 42, secretFingerprint: 7, partition: 0, partitionCount: 1)

  var keyCount: Int { index.keyCount }
  var isHalfFull: Bool { statistics.activeKeys * 2 >= statistics.activeCapacity }
  var statistics: DedupStatistics { index.statistics }
  /// Where the log is read on, if nothing has come since a restart.
  var completeThrough: UInt64 { index.completeThrough.position }
  /// A position that the runs reach: what comes behind stands in tables, at most some blocks twice.
  var sealedThrough: UInt64 {
    let statistics = statistics
    let inTables = UInt64(statistics.keys - statistics.sealedKeys) + 4 * blockKeys
    return position - min(position, inTables)
  }

  /// Judges a batch. Keys that are new stand in the log from then on.
  func judge(_ batch: inout KeyBatch, arrival: Int64) throws {
    let started = Clock.now
    try batch.judge(in: &index, arrival: arrival, front: front)
    judging.note(Clock.now - started)
    append(batch.count(of: .new))
  }

  /// Judges the next keys that the log has, as a start does.
  func renew(_ batch: inout KeyBatch, arrival: Int64) throws {
    try batch.judge(in: &index, arrival: arrival, front: front)
    append(batch.count)
  }

  private var front: LogFront {
    LogFront(
      sealed: LogPlace(
        position: blockEnd, chain: blockEnd == 0 ? 0 : NumberedKeys.mix(blockEnd)),
      open: position)
  }

  private func append(_ keys: Int) {
    position += UInt64(keys)
    if position - blockEnd >= blockKeys { endBlock() }
  }

  /// Ends the open block, so that all keys are synced.
  func endBlock() { blockEnd = position }

  // MARK: Upkeep

  /// Does what a service does for its index after every batch.
  func maintain() throws {
    for piece in upkeep.takeDone() {
      let runs = index.statistics.runs
      let started = Clock.now
      index.finish(piece)
      maintaining.note(Clock.now - started)
      piecesOut -= 1
      // Runs also leave by their age, but not while a piece is taken back.
      if index.statistics.runs < runs { merges += 1 }
    }
    if let error = index.takeFailure() { throw error }
    let started = Clock.now
    // A position that the log never reaches keeps generations as tables.
    let synced = SyncedEnd(position: seals ? blockEnd : 0, arrival: .max)
    while let piece = index.takeUpkeep(synced: synced) {
      upkeep.perform(piece)
      piecesOut += 1
    }
    maintaining.note(Clock.now - started)
  }

  /// Waits until a batch fits, as a service does by refusing it.
  func keepUp() throws {
    if index.hasRoom(for: KeyBatch.capacity) { return }
    let started = Clock.now
    while !index.hasRoom(for: KeyBatch.capacity) {
      precondition(
        keyCount + KeyBatch.capacity <= limits.capacity.keys,
        "BUG: more keys than the index is meant for")
      try maintain()
      Clock.sleep(milliseconds: 0.1)
    }
    waiting.note(Clock.now - started)
  }

  /// Goes on until nothing is left to do.
  func settle() throws {
    repeat {
      Clock.sleep(milliseconds: 0.2)
      try maintain()
    } while piecesOut > 0
  }

  /// Lets time pass.
  func advance(to arrival: Int64) {
    index.advance(to: arrival, front: front)
  }

  /// Waits for the pieces that are out and forgets what they have made, as a process that is
  /// killed does: a merged run then stands beside its parts.
  func stop() {
    while piecesOut > 0 {
      piecesOut -= upkeep.takeDone().count
      Clock.sleep(milliseconds: 0.2)
    }
  }
}

/// How long calls took, in nanoseconds.
struct CallTimes {
  private(set) var total: Int64 = 0
  private(set) var longest: Int64 = 0

  @inline(__always)
  mutating func note(_ elapsed: Int64) {
    total += elapsed
    longest = max(longest, elapsed)
  }

  var longestMilliseconds: Double { Double(longest) / 1e6 }
}
