public import Dedup
internal import EventLoop
internal import Foundation

/// Does the upkeep of the key index on threads beside the loop's, so that sealing a generation or
/// taking memory never holds up an ack.
///
/// A piece that is under way when the process ends is lost without harm: recovery makes the index.
public final class UpkeepQueue: UpkeepPerformer, Sendable {
  private let onDone: @Sendable () -> Void
  private let lock = NSLock()
  nonisolated(unsafe) private var done: [DedupUpkeep] = []
  /// The pieces that are under way.
  private let underWay = DispatchGroup()

  /// A queue without pieces.
  ///
  /// - Parameter onDone: called on another thread when a piece is done.
  public init(onDone: @escaping @Sendable () -> Void) { self.onDone = onDone }

  /// Begins a piece on a thread of its own: there are a few for each generation, and a short one
  /// does not wait for a long one.
  public func perform(_ upkeep: DedupUpkeep) {
    underWay.enter()
    Thread { [self] in
      Thread.current.name = "upkeep"
      var pace = UpkeepPace()
      upkeep.perform { pace.rest() }
      lock.withLock { unsafe done.append(upkeep) }
      onDone()
      underWay.leave()
    }.start()
  }

  /// Waits for the pieces that are under way.
  func wait() { underWay.wait() }

  /// Takes the pieces that are done.
  public func takeDone() -> [DedupUpkeep] {
    lock.withLock {
      defer { unsafe done = [] }
      return unsafe done
    }
  }
}

/// Works in short turns with a short rest after each.
///
/// A piece of upkeep would run for some hundred milliseconds, and a kernel that does not preempt
/// lets whoever shares its core wait for the next tick or two: the writer of the log, or the
/// interrupt that ends a sync. A lower priority does not change that; to sleep does. More rest
/// would not help them, and keep closed generations from being sealed.
private struct UpkeepPace {
  /// The shortest turn, in nanoseconds.
  private static let turn: Int64 = 400_000
  /// The rest after it, in seconds.
  private static let rest = 0.000_05

  private var began = EventLoop.monotonicNanoseconds()

  /// Sleeps, if the turn was long enough.
  mutating func rest() {
    guard EventLoop.monotonicNanoseconds() - began >= Self.turn else { return }
    Thread.sleep(forTimeInterval: Self.rest)
    began = EventLoop.monotonicNanoseconds()
  }
}
