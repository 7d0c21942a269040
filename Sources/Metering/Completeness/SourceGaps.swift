public import Wire

/// What is missing in the numbering of one source and epoch.
public struct SourceGaps: Sendable, Hashable {
  /// The source and epoch.
  public var source: SourceIdentity
  /// How many sequences, up to the highest one that it issued, were not received.
  public var missingCount: UInt64
  /// The lowest of them that follow each other.
  public var first: ClosedRange<UInt64>
}

extension Ledger {
  /// How many sources and epochs the ledger knows.
  public var sourceCount: Int { sources.count }

  /// The sources with gaps in their numbering.
  ///
  /// A batch that is under way is in no gap unless a later one, or a heartbeat, came before it.
  ///
  /// - Parameter limit: how many to give at most; those that were heard last, the latest first.
  /// - Returns: how many sources have gaps, and what is missing of some.
  /// - Complexity: O(n) in the number of sources as long as the limit is small.
  public func sourceGaps(limit: Int) -> (count: Int, latest: [SourceGaps]) {
    var count = 0
    var latest: [(place: Int, arrival: Timestamp)] = []
    for place in 0..<sources.count
    where !sources[place].sequences.isComplete(upTo: sources[place].highestKnown) {
      count += 1
      let arrival = sources[place].lastArrival
      let rank = latest.firstIndex { $0.arrival < arrival } ?? latest.count
      guard rank < limit else { continue }
      if latest.count == limit { latest.removeLast() }
      latest.insert((place, arrival), at: rank)
    }
    return (count, latest.map { gaps(of: $0.place) })
  }

  private func gaps(of place: Int) -> SourceGaps {
    let highest = sources[place].highestKnown
    let sequences = sources[place].sequences
    guard let first = sequences.gaps(upTo: highest, limit: 1).first else {
      preconditionFailure("BUG: a source with gaps has no first one")
    }
    return SourceGaps(
      source: sources[place].identity, missingCount: sequences.missingCount(upTo: highest),
      first: first)
  }
}
