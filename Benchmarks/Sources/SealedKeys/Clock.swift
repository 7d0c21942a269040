internal import Glibc

/// Times in nanoseconds.
enum Clock {
  /// Since some moment, by the clock.
  static var now: Int64 { nanoseconds(CLOCK_MONOTONIC) }
  /// Of the running thread.
  static var ownTime: Int64 { nanoseconds(CLOCK_THREAD_CPUTIME_ID) }

  private static func nanoseconds(_ clock: clockid_t) -> Int64 {
    var now = timespec()
    unsafe clock_gettime(clock, &now)
    return Int64(now.tv_sec) * 1_000_000_000 + Int64(now.tv_nsec)
  }

  /// Seconds since a moment.
  static func seconds(since start: Int64) -> Double { Double(now - start) / 1e9 }

  static func sleep(milliseconds: Double) { usleep(UInt32(milliseconds * 1_000)) }
}
