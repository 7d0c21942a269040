public import Metering

/// What comparing Postgres with the log has shown.
public struct Verification: Sendable {
  /// The answer in a word.
  public enum Outcome: String, Sendable, CaseIterable, Codable {
    /// Every row is the same.
    case equal
    /// At least one row differs.
    case differs
    /// No row differs, but some cannot be recomputed, because their segments were deleted.
    case beyondRetention = "beyond retention"
  }

  /// The checkpoint in Postgres, up to which the log was folded.
  public var checkpoint: Checkpoint
  /// Segments that were read.
  public var segments: Int
  /// Segments that retention has deleted.
  public var deletedSegments: Int
  /// Records that were folded.
  public var records: Int64
  /// `usage_hourly`.
  public var usage: RollupComparison
  /// `usage_adjustments`.
  public var adjustments: RollupComparison

  /// A result from its parts.
  public init(
    checkpoint: Checkpoint, segments: Int, deletedSegments: Int, records: Int64,
    usage: RollupComparison, adjustments: RollupComparison
  ) {
    self.checkpoint = checkpoint
    self.segments = segments
    self.deletedSegments = deletedSegments
    self.records = records
    self.usage = usage
    self.adjustments = adjustments
  }

  /// The first rows that differ, of both tables.
  public var differences: [RollupDifference] {
    Array((usage.differences + adjustments.differences).prefix(LogVerifier.differenceLimit))
  }

  /// The answer in a word.
  public var outcome: Outcome {
    if usage.differing + adjustments.differing > 0 { return .differs }
    return usage.incomparable + adjustments.incomparable > 0 ? .beyondRetention : .equal
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
