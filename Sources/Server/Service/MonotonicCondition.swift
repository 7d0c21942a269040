internal import Glibc

/// A mutex and a condition whose timed waits go by the monotonic clock: a wall clock that is set
/// back does not prolong them (`pthread_cond_timedwait(3)` with `CLOCK_MONOTONIC`).
@safe
final class MonotonicCondition: Sendable {
  private nonisolated(unsafe) let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(
    capacity: 1)
  private nonisolated(unsafe) let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(
    capacity: 1)

  init() {
    var attributes = pthread_condattr_t()
    Self.check(unsafe pthread_mutex_init(mutex, nil))
    Self.check(unsafe pthread_condattr_init(&attributes))
    Self.check(unsafe pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC))
    Self.check(unsafe pthread_cond_init(condition, &attributes))
    Self.check(unsafe pthread_condattr_destroy(&attributes))
  }

  deinit {
    unsafe pthread_cond_destroy(condition)
    unsafe pthread_mutex_destroy(mutex)
    unsafe condition.deallocate()
    unsafe mutex.deallocate()
  }

  /// Runs the body while nobody else runs one.
  func withLock<Result>(_ body: () -> Result) -> Result {
    Self.check(unsafe pthread_mutex_lock(mutex))
    defer { Self.check(unsafe pthread_mutex_unlock(mutex)) }
    return body()
  }

  /// Wakes one thread that waits.
  func signal() { Self.check(unsafe pthread_cond_signal(condition)) }

  /// Waits for a signal, inside ``withLock(_:)``; it may also return without one.
  func wait() { Self.check(unsafe pthread_cond_wait(condition, mutex)) }

  /// Waits for a signal until a time of the monotonic clock, inside ``withLock(_:)``.
  ///
  /// - Parameter end: nanoseconds of `EventLoop.monotonicNanoseconds()`.
  /// - Returns: false once that time has passed.
  func wait(until end: Int64) -> Bool {
    // The two words of a timespec, whose members a release build takes for those of a module that
    // cannot be imported.
    let words = (Int(end / 1_000_000_000), Int(end % 1_000_000_000))
    let code = unsafe withUnsafePointer(to: words) { words in
      unsafe pthread_cond_timedwait(
        condition, mutex,
        UnsafeRawPointer(words).assumingMemoryBound(to: timespec.self))
    }
    if code == ETIMEDOUT { return false }
    Self.check(code)
    return true
  }

  private static func check(_ code: Int32) {
    precondition(code == 0, "BUG: a condition is used wrongly: error \(code)")
  }
}
