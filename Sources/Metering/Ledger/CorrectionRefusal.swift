public import SegmentLog
public import Wire

/// Why a correction was not made. Nothing was changed.
public enum CorrectionRefusal: Error, Hashable, Sendable, CustomStringConvertible {
  /// The record is void already.
  case alreadyVoid(LogPosition)
  /// The quarantined record was taken already.
  case alreadyReplayed(UInt64)
  /// The amendment would change nothing.
  case unchanged
  /// What would be added is not a record that could be accepted.
  case rejected(RejectionReason)
  /// The key of what would be added is taken.
  case keyTaken
  /// So many corrections are remembered as may be.
  case tooMany(limit: Int)
  /// The service takes no usage now.
  case refused(RefusalReason)

  /// What was asked, why it cannot be, and what to do.
  public var description: String {
    switch self {
    case .alreadyVoid(let position):
      "the record at log position \(position.rawValue) is void already"
    case .alreadyReplayed(let number): "quarantined record \(number) was taken already"
    case .unchanged: "the amendment changes nothing; give what is to be different"
    case .rejected(let reason): "the record would be rejected: \(reason.name)"
    case .keyTaken: "the key of the record is known already: it counts, or it counted and is void"
    case .tooMany(let limit):
      "\(limit) corrections are remembered, as many as limits.corrections allows; they are "
        + "forgotten with their segments"
    case .refused(let reason): "no usage is taken now: \(reason.name); try again later"
    }
  }
}
