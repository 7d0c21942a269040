import Foundation
import Synchronization

/// A thread whose end, and whose error, can be waited for.
final class JoinableThread: Sendable {
  private let finished = DispatchSemaphore(value: 0)
  private let failure = Mutex<(any Error)?>(nil)
  private let body: @Sendable () throws -> Void

  init(_ body: @escaping @Sendable () throws -> Void) { self.body = body }

  func start() {
    let thread = Thread { [self] in
      do { try body() } catch { failure.withLock { $0 = error } }
      finished.signal()
    }
    thread.start()
  }

  /// Waits for the end and throws what the body threw.
  func join() throws {
    finished.wait()
    if let error = failure.withLock({ $0 }) { throw error }
  }
}

/// A sum that several threads add to.
final class LockedTotal: Sendable {
  private let total = Atomic<Int>(0)

  var value: Int { total.load(ordering: .relaxed) }

  func add(_ number: Int) { total.wrappingAdd(number, ordering: .relaxed) }
}
