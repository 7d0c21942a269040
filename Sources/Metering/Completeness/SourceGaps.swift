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

extension [ClosedRange<UInt64>] {
  /// What of these ranges lies in none of others; both are ascending and disjoint.
  /// O(n) in their number.
  func without(_ others: [ClosedRange<UInt64>]) -> [ClosedRange<UInt64>] {
    var left: [ClosedRange<UInt64>] = []
    var next = others.startIndex
    for range in self {
      var lower = range.lowerBound
      var isCovered = false
      while next < others.endIndex, others[next].upperBound < lower { next += 1 }
      var place = next
      while place < others.endIndex, others[place].lowerBound <= range.upperBound {
        if others[place].lowerBound > lower { left.append(lower...others[place].lowerBound - 1) }
        isCovered = others[place].upperBound >= range.upperBound
        if isCovered { break }
        lower = others[place].upperBound + 1
        place += 1
      }
      if !isCovered { left.append(lower...range.upperBound) }
    }
    return left
  }

  /// These ranges and others as ascending disjoint ranges that do not touch. O(n log n).
  func joined(_ others: [ClosedRange<UInt64>]) -> [ClosedRange<UInt64>] {
    var joined: [ClosedRange<UInt64>] = []
    for range in (self + others).sorted(by: { $0.lowerBound < $1.lowerBound }) {
      if let last = joined.last, last.upperBound == .max || range.lowerBound <= last.upperBound + 1
      {
        joined[joined.count - 1] = last.lowerBound...Swift.max(last.upperBound, range.upperBound)
      } else {
        joined.append(range)
      }
    }
    return joined
  }
}

extension Ledger {
  /// The gaps that may hold usage from before a time: those of sources whose numbering was not
  /// complete later. What was given up is not among them.
  ///
  /// - Complexity: O(sources), and O(gaps) of those with gaps.
  func openGaps(before time: Timestamp) -> [AcceptedGaps] {
    var found: [AcceptedGaps] = []
    for place in 0..<sources.count
    where sources[place].completeThrough < time && !sources[place].isComplete {
      found.append(
        AcceptedGaps(source: sources[place].identity, missing: sources[place].openGaps))
    }
    return found.sorted {
      ($0.source.name, $0.source.epoch) < ($1.source.name, $1.source.epoch)
    }
  }

  /// Gives gaps up for good: they keep no period open any more.
  mutating func noteAccepted(_ acceptance: GapAcceptance) {
    for gap in acceptance.gaps {
      let name = Array(gap.source.name.utf8)
      guard let place = sources.known(name: name.span.raw, epoch: gap.source.epoch) else {
        continue
      }
      sources[place].accepted = sources[place].accepted.joined(gap.missing)
    }
    pending.acceptances.append(acceptance)
  }

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
