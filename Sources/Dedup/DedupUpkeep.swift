/// A piece of an index's upkeep that takes too long for the thread that judges.
///
/// ``DedupIndex/takeUpkeep()`` gives it out, ``perform()`` may run on any one thread while the
/// index goes on judging, and ``DedupIndex/finish(_:)`` takes it back. It touches only what the
/// index no longer changes: a table that nobody has yet, a closed table, sealed runs, memory that
/// has left.
///
/// One thread at a time has a piece; handing it over is the caller's to synchronize.
public final class DedupUpkeep: @unchecked Sendable {
  enum Work {
    /// Take the memory of the table that will be active next.
    case prepare(BucketTable)
    /// Turn a closed table into a run and, if there are runs to put into a new filter with it, fill
    /// that filter. The filter in use stays with the index's thread.
    case seal(BucketTable, runs: [SealedRun], filter: SplitBlockBloomFilter?)
    /// Give memory back.
    case release([TableMemory])
  }

  let work: Work
  /// What ``Work/seal(_:runs:filter:)`` has made.
  private(set) var run: SealedRun?
  private(set) var isDone = false

  init(_ work: Work) { self.work = work }

  /// Does the work: up to some hundred milliseconds for each ten million keys.
  ///
  /// - Parameter rest: called after each step of at most about a millisecond, so that the caller
  ///   can leave the core to others.
  public func perform(rest: () -> Void = {}) {
    precondition(!isDone, "BUG: a piece of upkeep is done twice")
    switch work {
    case .prepare(let table): table.memory.prepare(rest: rest)
    case .seal(let table, let runs, let filter):
      let run = SealedRun(sealing: table, rest: rest)
      if let filter {
        filter.memory.prepare(rest: rest)
        for run in runs + [run] { fill(filter, from: run, rest: rest) }
      }
      self.run = run
    case .release(let parts): for memory in parts { memory.free(rest: rest) }
    }
    isDone = true
  }

  private func fill(_ filter: SplitBlockBloomFilter, from run: SealedRun, rest: () -> Void) {
    for first in stride(from: 0, to: run.count, by: Self.keysPerStep) {
      filter.insert(run, first..<min(first + Self.keysPerStep, run.count))
      rest()
    }
  }

  private static let keysPerStep = 1 << 15
}

/// Who performs the upkeep of an index beside the thread that judges.
public protocol UpkeepPerformer: AnyObject {
  /// Begins a piece, and returns at once.
  func perform(_ upkeep: DedupUpkeep)

  /// Takes the pieces that are done.
  func takeDone() -> [DedupUpkeep]
}
