import Client
import EventLoop
import Foundation
import Wire

/// Sends numbered records from a thread of its own until it is told to stop or nobody answers.
final class LoadInBackground: Sendable {
  struct Result: Sendable {
    /// Records with an ack; batches are acked in any order, so these need not be the first ones.
    var ackedRecords: Int64 = 0
    /// Numbers that were given out.
    var numbersUsed = 0
    /// Answers that asked for patience, by reason.
    var deferrals: [RefusalReason?: UInt64] = [:]
  }

  /// The event time of every record.
  static let time = EventLoop.wallMilliseconds()

  private struct State {
    var isStopped = false
    var used = 0
    var acked: Int64 = 0
    var deferrals: [RefusalReason?: UInt64] = [:]
  }

  // Not a Mutex: the thread sanitizer does not see that one lock.
  private let lock = NSLock()
  nonisolated(unsafe) private var state = State()
  private let done = DispatchSemaphore(value: 0)

  /// Begins to send records with numbers from the first one on.
  ///
  /// - Parameter patience: milliseconds without an ack after which it gives up.
  init(server: String, firstNumber: Int, source: String, patience: Int64 = 1_000) throws {
    guard let address = SocketAddress(server) else {
      throw ServiceProcess.Failure(description: "no address: \(server)")
    }
    let options = SenderOptions(
      server: address, source: SourceIdentity(name: source, epoch: UInt64(UsageSource.now())),
      window: 1, timeout: patience)
    let thread = Thread { [self] in
      if let sender = try? UsageSender(options: options) { run(sender, firstNumber) }
      done.signal()
    }
    thread.start()
  }

  private func run(_ sender: UsageSender, _ firstNumber: Int) {
    let summary = try? sender.send(
      records: { [self] () throws(InputFailure) in
        lock.withLock {
          guard unsafe !state.isStopped else { return nil }
          unsafe state.used += 1
          return unsafe UsageSource.record(firstNumber + state.used - 1, time: Self.time)
        }
      },
      progress: { [self] summary in note(summary) })
    if let summary { note(summary) }
  }

  private func note(_ summary: SendSummary) {
    lock.withLock {
      unsafe state.acked = Int64(summary.recordsAcked)
      unsafe state.deferrals = summary.deferrals
    }
  }

  /// Stops, and waits for the end.
  func finish() -> Result {
    lock.withLock { unsafe state.isStopped = true }
    done.wait()
    return lock.withLock {
      unsafe Result(ackedRecords: state.acked, numbersUsed: state.used, deferrals: state.deferrals)
    }
  }
}
