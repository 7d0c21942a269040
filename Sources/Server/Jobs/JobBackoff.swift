/// How long a job waits after a failed attempt: twice as long each time, and never quite as long as
/// another one that failed with it.
enum JobBackoff {
  /// After the first failure, in milliseconds.
  static let first: Int64 = 10_000
  /// The longest, in milliseconds.
  static let longest: Int64 = 3_600_000

  /// The delay in milliseconds.
  ///
  /// - Parameters:
  ///   - failures: how many attempts have failed, at least 1.
  ///   - generator: what the jitter comes from; the delay is half to all of its time.
  static func delay(
    afterFailures failures: Int, using generator: inout some RandomNumberGenerator
  ) -> Int64 {
    let doublings = min(max(failures, 1) - 1, 20)
    let whole = min(longest, first << Int64(doublings))
    return Int64.random(in: whole / 2...whole, using: &generator)
  }
}
