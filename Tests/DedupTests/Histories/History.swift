import MemoryRuns
import SeededRandom

@testable import Dedup

/// What makes one history differ from another beside its seed.
struct HistoryShape {
  var keysPerGeneration = 40
  /// How many times more keys a generation may have when keys come fast.
  var shards = 2
  var generations = 12
  var fanIn = 3
  var filterBitsPerKey = 10
  /// How many of a hundred keys belong to a family.
  var crowding: UInt64 = 30
  var isNarrow = false
  /// Keys of a batch, at most.
  var batch: UInt64 = 24
  /// How many of a thousand steps are a restart.
  var restarts: UInt64 = 15
  var damages = true
  var changesWindow = true

  var geometry: TableGeometry {
    var geometry = TableGeometry()
    geometry.keysPerShard = keysPerGeneration
    geometry.minimumFilterKeys = 16
    geometry.filterBitsPerKey = filterBitsPerKey
    geometry.runFilterBitsPerKey = filterBitsPerKey
    geometry.mergeFanIn = fanIn
    return geometry
  }
}

/// An index through batches, upkeep, crashes, damage, retention and changes of the window, beside
/// its log and a dictionary that knows what it must answer.
///
/// Inside the window, and later than what was said to be lost, every answer is the dictionary's.
/// After the window and the longest time that a run may span a key must be gone. In between both
/// are right.
final class History {
  let seed: UInt64
  let shape: HistoryShape
  var mix: SplitMix64
  var keys: HistoryKeys
  var limits: DedupLimits
  var index: DedupIndex
  var store = MemoryRunStore()
  var log = HistoryLog()
  var now: Int64 = 1_000
  /// Pieces of upkeep that are out.
  let upkeep = LateUpkeep()
  /// The last time that each key was accepted, by what is left of the log and what was.
  var known: [KeyIdentity: HistoryLog.Record] = [:]
  /// Keys that were accepted in a part of the log that was lost.
  var lost: [KeyHash] = []
  /// The arrival through which keys may be lost.
  var horizon: Int64 = .min
  /// Whether anything happened that loses keys: damage, or a window that became longer.
  var mayLose = false
  /// Runs in whose files bits were changed.
  var damaged: Set<UInt64> = []
  /// The longest time that a run ever might span, and that a block did.
  var longestSpan: Int64 = 0
  var longestBlock: Int64 = 0
  var counts = Counts()
  /// What was wrong, at which step.
  private(set) var faults: [String] = []
  private(set) var step = 0

  /// What happened, so that a test can see that it did.
  struct Counts: Equatable {
    var answers: [DedupAnswer: Int] = [:]
    var restarts = 0
    var usedRuns = 0
    var wholeReplays = 0
    var setAside = 0
    var damagedPages = 0
    var losses = 0
    var lostKeys = 0
    var failures = 0
    var mostRuns = 0
    var mostPages = 0
    var mostOut = 0
  }

  init(seed: UInt64, shape: HistoryShape) {
    self.seed = seed
    self.shape = shape
    mix = SplitMix64(seed: seed)
    keys = HistoryKeys(seed: seed ^ 77, crowding: shape.crowding, isNarrow: shape.isNarrow)
    limits = DedupLimits(
      window: 4_000, maximumKeys: 16 * shape.shards * shape.keysPerGeneration,
      generations: shape.generations)
    index = DedupIndex(
      limits: limits, owner: .sample, store: store, runs: [], startingAt: now,
      geometry: shape.geometry)
    noteWindow()
  }

  /// A number below a limit.
  func draw(_ limit: Int) -> Int { Int(mix.next() % UInt64(limit)) }

  /// Whether something that happens so often in a thousand steps happens now.
  func chance(_ permille: UInt64) -> Bool { mix.next() % 1_000 < permille }

  /// Notes what is wrong, the first of it.
  func fault(_ text: String) {
    guard faults.isEmpty else { return }
    faults.append("seed \(seed), step \(step), time \(now): \(text)")
  }

  func noteWindow() {
    longestSpan = max(longestSpan, limits.generationAge, limits.window / 8)
  }

  /// Goes on, up to the first fault.
  func run(steps: Int) {
    while step < steps, faults.isEmpty {
      step += 1
      doStep()
    }
    guard faults.isEmpty else { return }
    finishUpkeep()
    checkInvariants()
    // Everything has left in the end.
    now += limits.window + 2 * longestSpan + longestBlock
    index.advance(to: now, front: log.front)
    // Their files wait for an entry of the log that tells so.
    log.append([], at: now, horizon: horizon)
    finishUpkeep()
    if index.keyCount > 0 { fault("\(index.keyCount) keys never leave") }
    if !store.numbers.isEmpty { fault("files are left: \(store.numbers)") }
  }

  private func doStep() {
    if !chance(100) { now += Int64(draw(chance(20) ? 6_000 : 30)) }
    if chance(shape.restarts) { return restart() }
    switch draw(16) {
    case 0...6: judge(batch())
    case 7: index.advance(to: now, front: log.front)
    case 8: sealBlock()
    case 9: log.sync(1 + draw(3))
    case 10: shortenLog()
    case 11: if shape.damages, chance(60) { damageRun() }
    case 12: if chance(60) { store.fail(afterOperations: draw(12)) }
    default: for _ in 0..<draw(12) { doUpkeep() }
    }
    if step.isMultiple(of: 150) { checkInvariants() }
    noteSizes()
  }

  func sealBlock() {
    log.seal(chain: mix.next(), at: now)
    if let block = log.blocks.last, let first = block.records.first {
      longestBlock = max(longestBlock, block.lastArrival - first.arrival)
    }
  }

  /// Lets the beginning of the log go: what runs have, or what is outside the window.
  private func shortenLog() {
    let reach = index.completeThrough.position
    let (byRuns, oldest) = (chance(700), log.synced.arrival - limits.window)
    guard chance(300) else { return }
    log.removeFirst { byRuns ? $0.end.position <= reach : $0.lastArrival < oldest }
  }

  private func noteSizes() {
    counts.mostRuns = max(counts.mostRuns, index.runs.count)
    counts.mostOut = max(counts.mostOut, upkeep.pieces.count)
    for run in index.runs {
      counts.mostPages = max(counts.mostPages, run.header.pageCount)
      let span = run.header.span
      if span.lastArrival - span.firstArrival > longestSpan { fault("\(span) is too long") }
    }
  }

  func checkInvariants() {
    guard damaged.isEmpty else { return }
    for violation in index.invariantViolations(keysRepeat: counts.restarts > 0) { fault(violation) }
  }
}
