/// How long an open block waits for usage that is in the sockets already.
///
/// A sync costs as much for a few records as for thousands, and what it costs is taken from
/// receiving. But what is in a socket need not be usage: a flood of frames that nobody can vouch
/// for must not keep the acks of others waiting, so the wait ends.
struct BlockGathering {
  /// Entries at which a block waits for no more.
  static let enoughEntries = 8_192
  /// The longest wait, in nanoseconds.
  static let longestWait: Int64 = 2_000_000

  /// When the wait began, on the monotonic clock in nanoseconds.
  private var began: Int64?

  /// Whether the block waits on.
  ///
  /// - Parameters:
  ///   - entries: receipts and records in the block.
  ///   - now: the monotonic clock, in nanoseconds.
  ///   - holdsMore: whether a socket holds more; asked only where it matters.
  mutating func goesOn(entries: Int, now: Int64, holdsMore: () -> Bool) -> Bool {
    let since = began ?? now
    guard entries < Self.enoughEntries, now - since < Self.longestWait, holdsMore() else {
      began = nil
      return false
    }
    began = since
    return true
  }
}
