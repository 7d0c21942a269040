public import Metering
public import SegmentLog
internal import Wire

/// What comparing Postgres with the log has shown.
public struct Verification: Sendable {
  /// The answer in a word.
  public enum Outcome: String, Sendable, CaseIterable, Codable {
    /// Every row and every finalized period is the same.
    case equal
    /// At least one of them differs.
    case differs
    /// Nothing differs, but some rows cannot be recomputed, because their segments were deleted.
    case beyondRetention = "beyond retention"
  }

  /// The checkpoints in Postgres, up to which the logs of the partitions were folded.
  public var checkpoints: [Checkpoint]
  /// Segments that were read.
  public var segments: Int
  /// Segments that retention has deleted.
  public var deletedSegments: Int
  /// Records that were folded.
  public var records: Int64
  /// Tenants with rows that were compared.
  public var tenants = 0
  /// `usage_hourly`.
  public var usage: RollupComparison
  /// `usage_adjustments`.
  public var adjustments: RollupComparison
  /// The hours that deleted segments had usage of, against the manifest.
  public var deletedHours: HourComparison
  /// `billing_periods`.
  public var periods: PeriodComparison

  /// A result from its parts.
  public init(
    checkpoints: [Checkpoint], segments: Int, deletedSegments: Int, records: Int64,
    usage: RollupComparison, adjustments: RollupComparison, deletedHours: HourComparison,
    periods: PeriodComparison
  ) {
    self.checkpoints = checkpoints
    self.segments = segments
    self.deletedSegments = deletedSegments
    self.records = records
    self.usage = usage
    self.adjustments = adjustments
    self.deletedHours = deletedHours
    self.periods = periods
  }

  /// The position of the checkpoint; of several partitions the sum.
  public var position: UInt64 { checkpoints.reduce(0) { $0 + $1.position.rawValue } }

  /// How many rows, sums and periods differ.
  public var differing: Int {
    usage.differing + adjustments.differing + deletedHours.differing + periods.differing
  }

  /// The first differences, one sentence each.
  public var differences: [String] {
    let all =
      (usage.differences + adjustments.differences).map(\.description)
      + deletedHours.differences.map(\.description) + periods.differences.map(\.description)
    return Array(all.prefix(LogVerifier.differenceLimit))
  }

  /// Number of rows that the log can no longer give.
  public var incomparable: Int { usage.incomparable + adjustments.incomparable }

  /// The hours of the rows that the log can no longer give, as ranges of hours that follow one
  /// another.
  public var incomparableHours: [ClosedRange<Hour>] {
    var ranges: [ClosedRange<Hour>] = []
    for hour in usage.incomparableHours.union(adjustments.incomparableHours).sorted() {
      if let last = ranges.last, last.upperBound.index + 1 == hour.index {
        ranges[ranges.count - 1] = last.lowerBound...hour
      } else {
        ranges.append(hour...hour)
      }
    }
    return ranges
  }

  /// The answer in a word.
  public var outcome: Outcome {
    if differing > 0 { return .differs }
    return incomparable > 0 ? .beyondRetention : .equal
  }

  /// How a command that verified ends.
  public var exit: CommandExit {
    switch outcome {
    case .equal: .done
    case .differs: .refused
    case .beyondRetention: .beyondRetention
    }
  }
}
