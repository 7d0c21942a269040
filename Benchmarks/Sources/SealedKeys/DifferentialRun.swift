internal import Dedup

/// Compares a key index with the truth, over as many keys as a disk takes.
///
/// Keys are fed as a service feeds them, asked for in between and after restarts, all of them asked
/// for again in the end, and then left to expire.
public final class DifferentialRun {
  /// How far a run is.
  public struct Progress: Sendable {
    /// What is done now.
    public var phase: String
    /// Keys of the phase that are done.
    public var done: Int
    /// Keys of the phase.
    public var total: Int
    /// Runs.
    public var runs: Int
    /// Bytes of their files.
    public var diskBytes: Int
  }

  let count: Int
  let limits: DedupLimits
  let keys: NumberedKeys
  private let scratch: ScratchFolder
  private let blockKeys: UInt64
  private let tell: (Progress) throws -> Void
  private var toldAt: Int64 = 0
  /// The index; nil for the moment of a restart.
  private var current: ServedIndex?
  /// The arrival of what came last.
  var now: Int64 = 0
  /// The number of the next key.
  var next: UInt64 = 0
  var batch = KeyBatch()
  var random = SeededNumbers()
  /// What was found so far.
  public internal(set) var report: DifferentialReport

  /// Bytes of disk for each key: its run, and a merged run beside its parts.
  private static let diskPerKey = 24

  /// Prepares a run.
  ///
  /// - Parameters:
  ///   - keys: how many, 1 to 4 billion.
  ///   - directory: where a folder for the files is made, and removed in the end.
  ///   - seed: decides the keys.
  ///   - tell: called now and then; what it throws ends the run.
  /// - Throws: ``DiskIsSmall``, or what the disk throws.
  public init(
    keys count: Int, directory: String, seed: UInt64, tell: @escaping (Progress) throws -> Void
  ) throws {
    self.count = count
    self.tell = tell
    keys = NumberedKeys(seed: seed)
    random = SeededNumbers(seed: seed)
    report = DifferentialReport(keys: count)
    scratch = try ScratchFolder(below: directory, name: "keys")
    let free = scratch.freeBytes - 1 << 30
    guard count <= free / Self.diskPerKey else {
      throw DiskIsSmall(directory: directory, keys: count, fitting: max(0, free / Self.diskPerKey))
    }
    limits = DedupLimits(keys: count + count / 8 + 4_000_000)
    // Two generations never close inside one block.
    blockKeys = count < 1_000_000 ? 4_096 : 16_384
    current = ServedIndex(limits, folder: try scratch.folder("keys"), blockKeys: blockKeys)
  }

  var index: ServedIndex {
    guard let current else { preconditionFailure("BUG: no index") }
    return current
  }

  /// Does everything.
  ///
  /// - Throws: what the index or the disk throws; wrong answers are in the report.
  public func run() throws -> DifferentialReport {
    try time("fill") { try fill() }
    try time("sealing the rest, start") { try sealAll() }
    try time("figures") { try measure() }
    try time("full pass") { try askAll() }
    try time("expiry") { try expire() }
    return report
  }

  private func time(_ phase: String, _ body: () throws -> Void) throws {
    let started = Clock.now
    try body()
    report.seconds[phase] = Clock.seconds(since: started)
  }

  /// The arrival of a key that is fed: all keys come within four fifths of the window.
  func arrival(_ number: UInt64) -> Int64 {
    Int64(Double(number) * (Double(limits.window) * 0.8 / Double(count)))
  }

  /// Tells how far the run is, some times a second.
  func progress(_ phase: String, _ done: Int, of total: Int) throws {
    guard Clock.now - toldAt > 200_000_000 else { return }
    toldAt = Clock.now
    let statistics = index.statistics
    try tell(
      Progress(
        phase: phase, done: done, total: total, runs: statistics.runs,
        diskBytes: statistics.diskBytes))
  }

  // MARK: Restart

  /// Starts from the files. What has come since the runs is given again, as from a log.
  func restart() throws -> Restart {
    let before = index
    before.stop()
    report.merges += before.merges
    let lower = before.sealedThrough
    let folder = before.folder
    current = nil
    let restart = try Restart(
      limits, folder: folder, log: lower...next, now: now, blockKeys: blockKeys)
    current = restart.index
    for damage in restart.damaged { report.wrong.note(.lost, damage) }
    if restart.lostThrough != nil || restart.index.completeThrough < lower {
      report.wrong.note(.lost, "a start at key \(next) goes back before \(lower)")
    }
    let first = restart.index.position
    let started = Clock.now
    var number = first
    while number < next {
      let end = min(number + UInt64(KeyBatch.capacity), next)
      keys.draw(number..<end, .renew, into: &batch)
      try restart.index.renew(&batch, arrival: arrival(end - 1))
      expect(.new, "renewed", kind: .falseDrop)
      try restart.index.maintain()
      try restart.index.keepUp()
      number = end
    }
    report.restarts.append(
      DifferentialReport.Start(
        keys: Int(next), runs: restart.runs, openSeconds: restart.openSeconds,
        renewedKeys: Int(next - first), renewSeconds: Clock.seconds(since: started)))
    return restart
  }

  /// A folder beside the index's.
  func folder(_ name: String) throws -> String { try scratch.folder(name) }

  // MARK: Truth

  /// Compares the answers of the batch with the one that all should have.
  func expect(_ answer: DedupAnswer, _ question: String, kind: WrongAnswers.Kind) {
    report.asked[question, default: 0] += batch.count
    if batch.count(of: answer) == batch.count { return }
    for place in 0..<batch.count { check(place, answer, question, kind) }
  }

  /// Compares one answer.
  func check(_ place: Int, _ answer: DedupAnswer, _ question: String, _ kind: WrongAnswers.Kind) {
    let found = batch.answer(place)
    if found == answer.rawValue { return }
    let isKnown = found >= DedupAnswer.duplicate.rawValue
    let shouldBeKnown = answer.rawValue >= DedupAnswer.duplicate.rawValue
    report.wrong.note(
      isKnown && shouldBeKnown ? .wrongVerdict : kind,
      "\(question), place \(place) before key \(next): answer \(found), not \(answer.rawValue)")
  }
}

/// The disk takes fewer keys than were asked for.
public struct DiskIsSmall: Error, CustomStringConvertible {
  let directory: String
  let keys: Int
  let fitting: Int

  /// How many keys would fit.
  public var description: String {
    "\(keys) keys do not fit into \(directory): its disk has room for \(fitting)"
  }
}

/// Numbers whose sequence is fixed by a seed.
struct SeededNumbers {
  private var state: UInt64 = 0

  init(seed: UInt64 = 0) { state = seed &* 0x2545_F491_4F6C_DD1D }

  mutating func next(below limit: UInt64) -> UInt64 {
    state &+= 1
    return NumberedKeys.mix(state).multipliedFullWidth(by: limit).high
  }
}
