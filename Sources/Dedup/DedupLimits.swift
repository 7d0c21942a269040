/// How long and how many keys a ``DedupIndex`` remembers.
public struct DedupLimits: Sendable, Hashable {
  /// For how long at least a key is recognised after its first arrival, in milliseconds.
  public let window: Int64
  /// How many keys the index is meant to hold; ``DedupIndex/hasRoom(for:)`` answers by it.
  public let maximumKeys: Int
  /// How many generations share the window: one closes at the latest after
  /// `window / generations`, so a key may be recognised for that much longer than the window.
  public let generations: Int

  /// Limits of an index. Each is at least 1; a lower one is a bug and traps.
  public init(window: Int64, maximumKeys: Int, generations: Int) {
    precondition(
      window > 0 && maximumKeys > 0 && generations > 0, "BUG: a dedup limit below 1")
    self.window = window
    self.maximumKeys = maximumKeys
    self.generations = generations
  }

  /// The age in milliseconds at which a generation closes.
  var generationAge: Int64 { max(1, window / Int64(clamping: generations)) }
}
