/// How many records of a batch got each verdict.
public struct VerdictCounts: Sendable, Hashable {
  /// Records that are accepted.
  public var accepted: UInt32
  /// Records that are duplicates.
  public var duplicate: UInt32
  /// Records that are conflicts.
  public var conflict: UInt32
  /// Records that are late.
  public var late: UInt32
  /// Records that are rejected.
  public var rejected: UInt32

  /// Counts, all 0 unless given.
  public init(
    accepted: UInt32 = 0, duplicate: UInt32 = 0, conflict: UInt32 = 0, late: UInt32 = 0,
    rejected: UInt32 = 0
  ) {
    self.accepted = accepted
    self.duplicate = duplicate
    self.conflict = conflict
    self.late = late
    self.rejected = rejected
  }

  /// The number of records with a verdict.
  @inlinable
  public subscript(verdict: Verdict) -> UInt32 {
    get {
      switch verdict {
      case .accepted: accepted
      case .duplicate: duplicate
      case .conflict: conflict
      case .late: late
      case .rejected: rejected
      }
    }
    set {
      switch verdict {
      case .accepted: accepted = newValue
      case .duplicate: duplicate = newValue
      case .conflict: conflict = newValue
      case .late: late = newValue
      case .rejected: rejected = newValue
      }
    }
  }

  /// The number of all records.
  @inlinable
  public var total: UInt64 {
    UInt64(accepted) + UInt64(duplicate) + UInt64(conflict) + UInt64(late) + UInt64(rejected)
  }
}
