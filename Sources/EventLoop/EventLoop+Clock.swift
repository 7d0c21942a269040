internal import Glibc

extension EventLoop {
  /// Milliseconds of a clock that never runs backwards; its zero is arbitrary
  /// (`clock_gettime`, `CLOCK_MONOTONIC`). From any thread.
  public static func monotonicMilliseconds() -> Int64 {
    monotonicNanoseconds() / 1_000_000
  }

  /// Nanoseconds of a clock that never runs backwards; its zero is arbitrary
  /// (`clock_gettime`, `CLOCK_MONOTONIC`). From any thread.
  public static func monotonicNanoseconds() -> Int64 {
    let time = read(CLOCK_MONOTONIC)
    return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
  }

  /// Milliseconds since 1970-01-01T00:00:00Z, as the system's clock is set
  /// (`clock_gettime`, `CLOCK_REALTIME`). From any thread.
  public static func wallMilliseconds() -> Int64 {
    let time = read(CLOCK_REALTIME)
    return Int64(time.tv_sec) * 1_000 + Int64(time.tv_nsec) / 1_000_000
  }

  private static func read(_ clock: clockid_t) -> timespec {
    var time = timespec()
    let result = unsafe clock_gettime(clock, &time)
    precondition(result == 0, "BUG: the system has no clock \(clock)")
    return time
  }
}
