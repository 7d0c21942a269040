import Wire

/// Why a period was not finalized. Nothing was changed.
public enum FinalizeRefusal: Error, Hashable, Sendable, CustomStringConvertible {
  /// No usage of this tenant was ever accepted.
  case unknownTenant(String)
  /// The tenant's usage begins more than a period later.
  case unknownPeriod(tenant: String, BillingPeriod, first: BillingPeriod)
  /// The period is not over yet.
  case notOver(PeriodBounds)
  /// Hours of the period are still open.
  case hoursOpen(PeriodBounds, closedThrough: Hour?)
  /// The close of the period's hours is not in Postgres yet.
  case hoursUnflushed(PeriodBounds, flushedThrough: Hour?)
  /// An earlier period of the tenant is open.
  case earlierPeriodOpen(tenant: String, BillingPeriod)
  /// The period is finalized already.
  case alreadyFinalized(tenant: String, BillingPeriod)
  /// A later period of the tenant is finalized, and periods are finalized in order.
  case laterPeriodFinalized(tenant: String, BillingPeriod, last: BillingPeriod)
  /// Batches that may hold usage of the period are missing.
  case gapsOpen(PeriodBounds, [AcceptedGaps])
  /// The clock is held, so that no time can be given.
  case clockHeld

  /// What was asked, why it cannot be, and what to do.
  public var description: String {
    switch self {
    case .unknownTenant(let tenant):
      "no usage of tenant \(tenant) was ever accepted"
    case .unknownPeriod(let tenant, let period, let first):
      "tenant \(tenant) has no period \(period.text): its first usage is of \(first.text), and "
        + "only the period right before that can be closed without usage"
    case .notOver(let bounds):
      "period \(bounds.period.text) is not over: it ends at \(bounds.end.text)"
    case .hoursOpen(let bounds, let hour):
      "hours of period \(bounds.period.text) are open: closed through \(hour?.text ?? "none"); "
        + "they close when the grace after their end has passed"
    case .hoursUnflushed(let bounds, let hour):
      "closed hours of period \(bounds.period.text) are not in Postgres yet: flushed through "
        + "\(hour?.text ?? "none"); try again after the next flush"
    case .earlierPeriodOpen(let tenant, let period):
      "period \(period.text) of tenant \(tenant) is open; periods are finalized in order"
    case .alreadyFinalized(let tenant, let period):
      "period \(period.text) of tenant \(tenant) is finalized already"
    case .laterPeriodFinalized(let tenant, let period, let last):
      "period \(period.text) of tenant \(tenant) lies before \(last.text), the last finalized "
        + "one; periods are finalized in order"
    case .gapsOpen(let bounds, let gaps):
      "batches are missing that may hold usage of period \(bounds.period.text): "
        + "\(gaps.text); let the sources send them again, or give them up with --accept-gaps"
    case .clockHeld:
      "the clock is held; run weighbridge clock confirm first"
    }
  }
}
