internal import Dedup
internal import Foundation
internal import MemoryRuns

/// How long the receiving thread stands still for the key index, while keys come at a pace by the
/// clock and leave with their generations.
///
/// Preparing it fills the window, and goes on until all of that has left, generation by generation,
/// while new ones close. Its batches go on so.
final class StopStage: StageBody {
  private static let keysPerSecond = 2_000_000.0
  private static let window: Int64 = 36 * 86_400_000
  /// As many as the ledger has.
  private static let generations = 12

  private(set) var longestStop: LongestStop? = LongestStop()
  private var index: DedupIndex
  private var groups = KeyGroups()
  private let upkeep = UpkeepThread()
  /// In milliseconds.
  private var arrival = 0.0
  /// How far a group moves the arrival.
  private let pace: Double
  /// When the next group is due, by the clock in nanoseconds.
  private var due = StopStage.nanoseconds(CLOCK_MONOTONIC)

  init(keys: Int) {
    index = DedupIndex(
      limits: DedupLimits(
        window: Self.window, maximumKeys: 2 * keys, generations: Self.generations),
      owner: .stage, store: MemoryRunStore(), startingAt: 0)
    let window = Double(Self.window)
    pace = window * Double(Stage.group) / Double(keys)
    while arrival < window { judgeGroup() }
    precondition(index.keyCount >= keys * 9 / 10, "BUG: the window is not full")
    while arrival < 2.2 * window { judgeGroup() }
    precondition(index.keyCount < keys * 6 / 5, "BUG: no generation has left")
  }

  func batch() -> Int {
    judgeGroup()
    return Stage.group
  }

  private func judgeGroup() {
    arrival += pace
    groups.draw(duplicates: true)
    wait()
    let started = Self.nanoseconds(CLOCK_MONOTONIC)
    let ownStarted = Self.nanoseconds(CLOCK_THREAD_CPUTIME_ID)
    for piece in upkeep.takeDone() { index.finish(piece) }
    keep(UInt64(groups.judge(&index, arrival: Int64(arrival))))
    while let piece = index.takeUpkeep(synced: .max) { upkeep.perform(piece) }
    let own = Self.nanoseconds(CLOCK_THREAD_CPUTIME_ID) - ownStarted
    longestStop?.note(elapsed: Self.nanoseconds(CLOCK_MONOTONIC) - started, own: own)
  }

  /// Waits until the next group is due. What comes late is not waited for.
  private func wait() {
    let now = Self.nanoseconds(CLOCK_MONOTONIC)
    if due > now { usleep(UInt32((due - now) / 1e3)) }
    due += Double(Stage.group) / Self.keysPerSecond * 1e9
  }

  private static func nanoseconds(_ clock: clockid_t) -> Double {
    var now = timespec()
    unsafe clock_gettime(clock, &now)
    return Double(now.tv_sec) * 1e9 + Double(now.tv_nsec)
  }
}

/// The longest that a stage took for one group.
public struct LongestStop: Sendable {
  /// By the clock, in milliseconds: other work on the machine is in it.
  public private(set) var elapsed = 0.0
  /// By the time of the running thread, in milliseconds; not of the same group.
  public private(set) var own = 0.0

  /// Takes a group into account, in nanoseconds.
  mutating func note(elapsed: Double, own: Double) {
    self.elapsed = max(self.elapsed, elapsed / 1e6)
    self.own = max(self.own, own / 1e6)
  }
}
