extension FinalizeRefusal {
  /// Its kind in a word, for counts.
  public var name: String {
    switch self {
    case .unknownTenant: "unknown_tenant"
    case .unknownPeriod: "unknown_period"
    case .notOver: "not_over"
    case .hoursOpen: "hours_open"
    case .hoursUnflushed: "hours_unflushed"
    case .earlierPeriodOpen: "earlier_period_open"
    case .alreadyFinalized: "already_finalized"
    case .laterPeriodFinalized: "later_period_finalized"
    case .gapsOpen: "gaps_open"
    case .clockHeld: "clock_held"
    }
  }

  /// Whether asking again later can end in another way.
  public var mayPass: Bool {
    switch self {
    case .notOver, .hoursOpen, .hoursUnflushed, .earlierPeriodOpen, .gapsOpen, .clockHeld: true
    case .unknownTenant, .unknownPeriod, .alreadyFinalized, .laterPeriodFinalized: false
    }
  }

  /// Whether the period is finalized, as was asked.
  public var isFinalized: Bool {
    if case .alreadyFinalized = self { true } else { false }
  }
}
