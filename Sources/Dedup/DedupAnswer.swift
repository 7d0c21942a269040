/// What the index says about one key.
public enum DedupAnswer: UInt8, Sendable, CaseIterable, Hashable {
  /// The index was not asked.
  case skipped = 0
  /// The key is not in the index, and was not added.
  case absent = 1
  /// The key was not in the index, and now is.
  case new = 2
  /// The key is in the index with the same payload digest.
  case duplicate = 3
  /// The key is in the index with another payload digest; the first one stands.
  case conflict = 4
}

/// What the index is asked about one key.
public enum DedupRequest: UInt8, Sendable, CaseIterable, Hashable {
  /// Nothing.
  case skip = 0
  /// Is it there?
  case probe = 1
  /// Is it there? If not, remember it.
  case admit = 2
  /// Remember it from now on, whatever older generations hold: the log says that it was new. What
  /// they hold may have been due to leave when the key was accepted again, and must not let the key
  /// leave with it.
  case renew = 3
}
