import SegmentLog
public import Wire

/// Makes one outcome of what became of the parts of each batch in several partitions.
///
/// Any part refused: the whole batch is refused, and with a reason to retry if there is one; parts
/// that were judged repeat their receipts when it is sent again. Any part a copy: another copy is
/// answered. Any part archived: the batch is archived. Otherwise counts are summed, exceptions and
/// missing ranges united, and the batch is resent if all of its parts were.
public struct OutcomeMerge: Sendable {
  /// What became of the batches of a group. Their receipts wait for nothing: they are merged once
  /// every part is synced.
  public private(set) var merged = PartOutcomes()

  /// The code of each record of a batch, 0 while it has no exception.
  private var codes: [UInt8] = []
  private var ranges: [ClosedRange<UInt64>] = []

  /// Nothing merged yet.
  public init() {}

  /// Merges what became of a group.
  ///
  /// - Parameters:
  ///   - parts: of each partition what became of all batches of the group.
  ///   - columns: the group, before it was divided.
  public mutating func merge(_ parts: [PartOutcomes], of columns: borrowing UsageColumns) {
    merged.removeAll()
    for frame in columns.frames.indices {
      merge(parts, frame: frame, recordCount: columns.frames[frame].header.recordCount)
    }
  }

  private mutating func merge(_ parts: [PartOutcomes], frame: Int, recordCount: Int) {
    var whole = parts[0].outcomes[frame]
    whole.exceptions = 0..<0
    whole.receipt.position = LogPosition(0)
    for part in parts.dropFirst() {
      let outcome = part.outcomes[frame]
      whole.disposition = Self.merged(whole.disposition, outcome.disposition)
      whole.highestKnown = max(whole.highestKnown, outcome.highestKnown)
      whole.receipt.arrival = max(whole.receipt.arrival, outcome.receipt.arrival)
      whole.receipt.counts.add(outcome.receipt.counts)
    }
    whole.missing = missing(parts, frame)
    switch whole.disposition {
    case .judged, .resent:
      if whole.receipt.counts.total == UInt64(recordCount),
        let exceptions = exceptions(parts, frame, recordCount)
      {
        whole.exceptions = exceptions
      } else {
        // Batches that differ were sent under one sequence, and partitions judged different ones.
        whole.disposition = .archived
      }
    case .archived, .copy, .refused: break
    }
    merged.outcomes.append(whole)
  }

  /// What stronger of two dispositions, or both together, make of a batch.
  private static func merged(
    _ one: BatchOutcome.Disposition, _ other: BatchOutcome.Disposition
  ) -> BatchOutcome.Disposition {
    switch (one, other) {
    case (.refused(let reason), .refused(let second)):
      .refused(second.isRetryable && !reason.isRetryable ? second : reason)
    case (.refused, _): one
    case (_, .refused): other
    case (.copy, _), (_, .copy): .copy
    case (.archived, _), (_, .archived): .archived
    case (.judged, _), (_, .judged): .judged
    case (.resent, .resent): .resent
    }
  }

  /// Unites the exceptions of a batch.
  ///
  /// - Returns: where they stand; nil if two parts speak of the same record, or one of a record
  ///   that the batch does not have.
  private mutating func exceptions(
    _ parts: [PartOutcomes], _ frame: Int, _ recordCount: Int
  ) -> Range<Int>? {
    let start = merged.exceptions.count
    guard parts.contains(where: { !$0.outcomes[frame].exceptions.isEmpty }) else {
      return start..<start
    }
    codes.removeAll(keepingCapacity: true)
    codes.append(contentsOf: repeatElement(AckCode.accepted.rawValue, count: recordCount))
    for part in parts {
      let encoded = part.exceptions[part.outcomes[frame].exceptions]
      guard AckExceptions.spread(encoded, over: &codes) else { return nil }
    }
    merged.exceptions += AckExceptions(codes: codes.span).bytes
    return start..<merged.exceptions.count
  }

  /// Unites what parts call missing: a batch is missing if one of them misses it.
  private mutating func missing(_ parts: [PartOutcomes], _ frame: Int) -> Range<Int> {
    let start = merged.missing.count
    ranges.removeAll(keepingCapacity: true)
    for part in parts { ranges += part.missing[part.outcomes[frame].missing] }
    ranges.sort { $0.lowerBound < $1.lowerBound }
    for range in ranges {
      let last = merged.missing.count - 1
      if last >= start, range.lowerBound - 1 <= merged.missing[last].upperBound {
        let upper = max(merged.missing[last].upperBound, range.upperBound)
        merged.missing[last] = merged.missing[last].lowerBound...upper
      } else if last + 1 - start < WireLimits.maximumMissingRanges {
        merged.missing.append(range)
      }
    }
    return start..<merged.missing.count
  }
}

extension VerdictCounts {
  fileprivate mutating func add(_ other: VerdictCounts) {
    for verdict in Verdict.allCases { self[verdict] &+= other[verdict] }
  }
}
