/// Which batch sequences of one numbering (source and epoch) have a receipt.
///
/// Sequences are 1, 2, 3, …; what is missing below the highest one issued is a gap. The set keeps
/// disjoint ranges in ascending order, at most ``maximumRanges`` of them.
public struct SequenceSet: Sendable, Hashable {
  /// What an insertion did.
  public enum Insertion: Sendable, Hashable {
    /// The sequence is in the set now.
    case inserted
    /// The sequence was in the set before.
    case present
    /// The sequence would start a range more than ``maximumRanges``; the set did not change.
    case tooManyGaps
  }

  /// The largest number of ranges.
  public let maximumRanges: Int

  /// Disjoint ranges in ascending order; no range begins right after another one ends.
  public internal(set) var ranges: [ClosedRange<UInt64>] = []

  /// An empty set of at most `maximumRanges` ranges, which must be 1 or more.
  public init(maximumRanges: Int) {
    precondition(maximumRanges >= 1, "BUG: a set of sequences without room for one range")
    self.maximumRanges = maximumRanges
  }

  /// The highest sequence in the set; 0 if it is empty.
  public var highest: UInt64 { ranges.last?.upperBound ?? 0 }

  /// Whether a sequence is in the set. O(log n) in the number of ranges.
  public func contains(_ sequence: UInt64) -> Bool {
    let index = firstRange(endingAtOrAfter: sequence)
    return index < ranges.count && ranges[index].lowerBound <= sequence
  }

  /// Puts a sequence into the set. O(1) for the one after the highest, else O(n) in the ranges.
  public mutating func insert(_ sequence: UInt64) -> Insertion {
    if let last = ranges.last, sequence > last.upperBound {
      if last.upperBound + 1 == sequence {
        ranges[ranges.count - 1] = last.lowerBound...sequence
        return .inserted
      }
      return insertRange(of: sequence, at: ranges.count)
    }
    let index = firstRange(endingAtOrAfter: sequence)
    guard index < ranges.count else { return insertRange(of: sequence, at: index) }
    let above = ranges[index]
    if above.lowerBound <= sequence { return .present }
    let touchesAbove = sequence + 1 == above.lowerBound
    let touchesBelow = index > 0 && ranges[index - 1].upperBound + 1 == sequence
    switch (touchesBelow, touchesAbove) {
    case (true, true):
      ranges[index - 1] = ranges[index - 1].lowerBound...above.upperBound
      ranges.remove(at: index)
    case (true, false):
      ranges[index - 1] = ranges[index - 1].lowerBound...sequence
    case (false, true):
      ranges[index] = sequence...above.upperBound
    case (false, false):
      return insertRange(of: sequence, at: index)
    }
    return .inserted
  }

  /// The sequences from 1 to the highest one issued that are not in the set, lowest first.
  ///
  /// - Parameters:
  ///   - issued: the highest sequence that the source says it issued.
  ///   - limit: the largest number of gaps to give.
  public func gaps(upTo issued: UInt64, limit: Int) -> [ClosedRange<UInt64>] {
    var gaps: [ClosedRange<UInt64>] = []
    appendGaps(upTo: issued, limit: limit, to: &gaps)
    return gaps
  }

  /// Appends the gaps that ``gaps(upTo:limit:)`` gives.
  func appendGaps(
    upTo issued: UInt64, limit: Int, to gaps: inout [ClosedRange<UInt64>]
  ) {
    let end = gaps.count + min(limit, Int.max - gaps.count)
    forEachGap(upTo: issued) { gap in
      guard gaps.count < end else { return false }
      gaps.append(gap)
      return true
    }
  }

  /// Whether all sequences from 1 to the highest one issued are in the set. O(1).
  public func isComplete(upTo issued: UInt64) -> Bool {
    if let first = ranges.first, first.lowerBound <= 1, first.upperBound >= issued { return true }
    return issued == 0
  }

  /// Number of sequences from 1 to the highest one issued that are not in the set. O(n).
  public func missingCount(upTo issued: UInt64) -> UInt64 {
    var count: UInt64 = 0
    forEachGap(upTo: issued) { gap in
      // The gaps are disjoint parts of 1...2⁶⁴ − 1: the sum cannot overflow.
      count += gap.upperBound - gap.lowerBound + 1
      return true
    }
    return count
  }

  /// Gives the gaps in ascending order until `body` returns false.
  private func forEachGap(upTo issued: UInt64, _ body: (ClosedRange<UInt64>) -> Bool) {
    var next: UInt64 = 1
    for range in ranges {
      guard next <= issued else { return }
      if range.lowerBound > next {
        guard body(next...min(range.lowerBound - 1, issued)) else { return }
      }
      guard range.upperBound < .max else { return }
      next = range.upperBound + 1
    }
    if next <= issued { _ = body(next...issued) }
  }

  private mutating func insertRange(of sequence: UInt64, at index: Int) -> Insertion {
    guard ranges.count < maximumRanges else { return .tooManyGaps }
    ranges.insert(sequence...sequence, at: index)
    return .inserted
  }

  private func firstRange(endingAtOrAfter sequence: UInt64) -> Int {
    var low = 0
    var high = ranges.count
    while low < high {
      let middle = (low + high) / 2
      if ranges[middle].upperBound < sequence {
        low = middle + 1
      } else {
        high = middle
      }
    }
    return low
  }
}
