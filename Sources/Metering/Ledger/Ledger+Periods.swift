import Wire

/// Why a period was not finalized. Nothing was changed.
public enum FinalizeRefusal: Error, Hashable, Sendable, CustomStringConvertible {
  /// No usage of this tenant was ever accepted.
  case unknownTenant(String)
  /// The period is not over yet.
  case notOver(BillingPeriod)
  /// Hours of the period are still open.
  case hoursOpen(BillingPeriod, closedThrough: Hour?)
  /// The close of the period's hours is not in Postgres yet.
  case hoursUnflushed(BillingPeriod, flushedThrough: Hour?)
  /// An earlier period of the tenant is open.
  case earlierPeriodOpen(tenant: String, BillingPeriod)
  /// The period is finalized already.
  case alreadyFinalized(tenant: String, BillingPeriod)
  /// A later period of the tenant is finalized, and periods are finalized in order.
  case laterPeriodFinalized(tenant: String, BillingPeriod, last: BillingPeriod)
  /// The clock is held, so that no time can be given.
  case clockHeld

  /// What was asked, why it cannot be, and what to do.
  public var description: String {
    switch self {
    case .unknownTenant(let tenant):
      "no usage of tenant \(tenant) was ever accepted"
    case .notOver(let period):
      "period \(period.text) is not over: it ends at \(period.end.text)"
    case .hoursOpen(let period, let hour):
      "hours of period \(period.text) are open: closed through \(hour?.text ?? "none"); "
        + "they close when the grace after their end has passed"
    case .hoursUnflushed(let period, let hour):
      "closed hours of period \(period.text) are not in Postgres yet: flushed through "
        + "\(hour?.text ?? "none"); try again after the next flush"
    case .earlierPeriodOpen(let tenant, let period):
      "period \(period.text) of tenant \(tenant) is open; periods are finalized in order"
    case .alreadyFinalized(let tenant, let period):
      "period \(period.text) of tenant \(tenant) is finalized already"
    case .laterPeriodFinalized(let tenant, let period, let last):
      "period \(period.text) of tenant \(tenant) lies before \(last.text), the last finalized "
        + "one; periods are finalized in order"
    case .clockHeld:
      "the clock is held; run weighbridge clock confirm first"
    }
  }
}

/// What the ledger knows of one tenant's periods.
public struct TenantPeriods: Sendable, Hashable {
  /// The tenant's name.
  public var tenant: String
  /// The earliest period with usage, nil while there is none.
  public var first: BillingPeriod?
  /// The last finalized period, nil while there is none.
  public var finalizedThrough: BillingPeriod?
}

extension Ledger {
  /// Finalizes a period of one tenant. All preconditions are checked first; then its record is
  /// appended, and from there it only rolls forward.
  ///
  /// - Parameters:
  ///   - period: the period.
  ///   - tenant: the tenant's name.
  ///   - operatorName: who asks for it.
  public mutating func finalize(
    _ period: BillingPeriod, tenant: String, operatorName: String
  ) throws(FinalizeRefusal) {
    try checkClosed(period)
    guard let id = names.knownTenant(tenant) else { throw .unknownTenant(tenant) }
    let state = names.tenants[Int(id)]
    if state.finalizedMonth >= period.month {
      let last = BillingPeriod(month: state.finalizedMonth)
      // Before the first usage it may have been passed over.
      throw period == last || period.month >= state.firstMonth
        ? .alreadyFinalized(tenant: tenant, period)
        : .laterPeriodFinalized(tenant: tenant, period, last: last)
    }
    guard state.firstMonth != .max else { throw .unknownTenant(tenant) }
    let oldestOpen =
      state.finalizedMonth == .min ? state.firstMonth : state.finalizedMonth + 1
    if oldestOpen < period.month {
      throw .earlierPeriodOpen(tenant: tenant, BillingPeriod(month: oldestOpen))
    }
    let position = append(
      .periodFinalized(tenant: tenant, period: period, time: time, operatorName: operatorName))
    noteFinalized(
      id,
      PeriodFinalization(
        tenant: tenant, period: period, time: time, operatorName: operatorName,
        position: position))
  }

  /// Tenants with usage whose next open period is the given one or an earlier one.
  public func tenantsOpen(in period: BillingPeriod) -> [String] {
    periods().filter { state in
      guard let first = state.first else { return false }
      return (state.finalizedThrough?.month ?? (first.month - 1)) < period.month
    }.map(\.tenant)
  }

  /// What the ledger knows of every tenant's periods, ascending by name.
  public func periods() -> [TenantPeriods] {
    names.snapshot().map {
      TenantPeriods(
        tenant: $0.name, first: $0.firstPeriod, finalizedThrough: $0.finalizedThrough)
    }
  }

  /// Makes sure that a period may be finalized as far as its hours say: they are over, closed, and
  /// their close is in Postgres.
  public func checkClosed(_ period: BillingPeriod) throws(FinalizeRefusal) {
    if clock.hold != nil { throw .clockHeld }
    guard period.end <= time else { throw .notOver(period) }
    guard let closedThrough, closedThrough >= period.lastHour else {
      throw .hoursOpen(period, closedThrough: closedThrough)
    }
    guard let flushedClosedThrough, flushedClosedThrough >= period.lastHour else {
      throw .hoursUnflushed(period, flushedThrough: flushedClosedThrough)
    }
  }

  mutating func noteFinalized(_ tenant: UInt32, _ finalization: PeriodFinalization) {
    names.tenants[Int(tenant)].finalizedMonth = finalization.period.month
    names.tenants[Int(tenant)].openFrom = finalization.period.end.milliseconds
    pending.finalizations.append(finalization)
    lastFinalization = finalization.position
  }
}
