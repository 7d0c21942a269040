public import Database
internal import EventLoop
internal import Foundation
internal import Metering

/// Writes flushes to Postgres on a thread of its own, one at a time, until each is committed.
///
/// A Postgres that is away stops nothing: the flush is tried again with exponential backoff and
/// jitter. An attempt may be repeated, because its token settles whether it was committed.
public final class Flusher: Sendable {
  /// How a flush ended.
  public enum Outcome: Sendable {
    /// Its rows are in Postgres.
    case committed
    /// It can never be committed; the service must stop.
    case impossible(DatabaseError)
  }

  /// What is known of the flusher, for status.
  public struct Status: Sendable {
    /// When the flush that is under way began, in milliseconds of the monotonic clock.
    public var began: Int64?
    /// Failed attempts of the flush that is under way.
    public var failures = 0
    /// Why the last attempt failed, nil after a success.
    public var lastError: String?
    /// Flushes that were committed since the start.
    public var committed: UInt64 = 0
    /// Rows of these flushes.
    public var rows: UInt64 = 0
  }

  private struct State {
    var status = Status()
    var outcome: Outcome?
    var isStopped = false
  }

  /// The longest pause between two attempts, in seconds.
  private static let longestPause = 30.0

  private let access: DatabaseAccess
  private let onOutcome: @Sendable () -> Void
  private let queue = DispatchQueue(label: "flusher")
  private let condition = MonotonicCondition()
  nonisolated(unsafe) private var state = State()
  /// Used on the queue only.
  nonisolated(unsafe) private var database: RollupDatabase?

  /// A flusher.
  ///
  /// - Parameters:
  ///   - access: connects.
  ///   - onOutcome: called on the flusher's thread when a flush has ended.
  init(_ access: DatabaseAccess, onOutcome: @escaping @Sendable () -> Void) {
    self.access = access
    self.onOutcome = onOutcome
  }

  /// What is known now.
  public var status: Status { condition.withLock { unsafe state.status } }

  /// Begins a flush; the one before has ended.
  func flush(_ batch: FlushBatch) {
    condition.withLock {
      unsafe state.status.began = EventLoop.monotonicMilliseconds()
      unsafe state.status.failures = 0
    }
    queue.async { [self] in
      var sorted = batch
      sorted.sort()
      run(sorted)
    }
  }

  /// Takes the outcome of the flush that has ended; nil while there is none.
  func takeOutcome() -> Outcome? {
    condition.withLock {
      defer { unsafe state.outcome = nil }
      return unsafe state.outcome
    }
  }

  /// Gives up after the attempt that is under way.
  ///
  /// - Parameter patience: seconds to wait for that attempt. One that a Postgres without an answer
  ///   holds for longer ends with the process; the next start settles it by its token.
  func stop(patience: Double) {
    condition.withLock {
      unsafe state.isStopped = true
      condition.signal()
    }
    let ended = DispatchSemaphore(value: 0)
    queue.async { [self] in
      unsafe database = nil
      ended.signal()
    }
    _ = ended.wait(timeout: .now() + patience)
  }

  private func run(_ batch: FlushBatch) {
    while true {
      do throws(DatabaseError) {
        _ = try connected().flush(batch)
        finish(.committed, rows: batch.rollups.count + batch.adjustments.count)
        return
      } catch {
        if error.isConnectionLost { unsafe database = nil }
        if Self.isImpossible(error) {
          finish(.impossible(error), rows: 0)
          return
        }
        guard pause(after: error) else { return }
      }
    }
  }

  private func connected() throws(DatabaseError) -> RollupDatabase {
    if let database = unsafe database, database.isOpen { return database }
    let made = try access.open()
    unsafe database = made
    return made
  }

  /// Whether no repetition can help.
  private static func isImpossible(_ error: DatabaseError) -> Bool {
    switch error {
    case .otherWriter, .installationMismatch: true
    default: false
    }
  }

  private func finish(_ outcome: Outcome, rows: Int) {
    condition.withLock {
      unsafe state.outcome = outcome
      unsafe state.status.began = nil
      if case .committed = outcome {
        unsafe state.status.committed += 1
        unsafe state.status.rows += UInt64(rows)
        unsafe state.status.lastError = nil
      }
    }
    onOutcome()
  }

  /// Waits before the next attempt.
  ///
  /// - Returns: false if the flusher was stopped.
  private func pause(after error: DatabaseError) -> Bool {
    condition.withLock {
      unsafe state.status.lastError = "\(error)"
      unsafe state.status.failures += 1
      let failures = unsafe state.status.failures
      let base = min(Self.longestPause, 0.1 * pow(2, Double(min(failures, 12) - 1)))
      let pause = error.isRetryable ? 0.01 : base * Double.random(in: 0.5...1)
      let end = EventLoop.monotonicNanoseconds() + Int64(pause * 1e9)
      while unsafe !state.isStopped, condition.wait(until: end) {}
      return unsafe !state.isStopped
    }
  }
}
