import SegmentLog
import Wire

/// How far hours are closed.
public struct ClosedHours: Sendable, Hashable {
  /// The last closed hour, nil before the first.
  public var through: Hour?
  /// The last hour whose close is known to be in Postgres.
  public var flushedThrough: Hour?

  /// How far hours are closed.
  public init(through: Hour?, flushedThrough: Hour?) {
    self.through = through
    self.flushedThrough = flushedThrough
  }

  /// How far hours are closed here and elsewhere: an hour is closed when every partition says so.
  public func joined(_ other: ClosedHours) -> ClosedHours {
    func least(_ left: Hour?, _ right: Hour?) -> Hour? {
      guard let left, let right else { return nil }
      return min(left, right)
    }
    return ClosedHours(
      through: least(through, other.through),
      flushedThrough: least(flushedThrough, other.flushedThrough))
  }
}

/// An order to finalize a period.
public struct FinalizeOrder: Sendable, Hashable {
  /// The period.
  public var period: BillingPeriod
  /// Who asks for it.
  public var operatorName: String
  /// The job that asks for it; nil for a command.
  public var run: Int64?
  /// Why gaps are given up that are in the way; nil if they are not.
  public var acceptsGaps: String?
  /// How far hours are closed in every partition.
  public var closed: ClosedHours

  /// An order to finalize a period.
  public init(
    period: BillingPeriod, operatorName: String, run: Int64? = nil, acceptsGaps: String? = nil,
    closed: ClosedHours
  ) {
    self.period = period
    self.operatorName = operatorName
    self.run = run
    self.acceptsGaps = acceptsGaps
    self.closed = closed
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
  /// Finalizes a period of some tenants. All preconditions of a tenant are checked first; then its
  /// record is appended, and from there it only rolls forward.
  ///
  /// Gaps that the order gives up are logged once, before the first period that relies on it.
  ///
  /// - Parameters:
  ///   - order: the period, and who asks for it.
  ///   - tenants: the tenants' names.
  /// - Returns: for each tenant what was logged, or why nothing was.
  public mutating func finalize(
    _ order: FinalizeOrder, tenants: [String]
  ) -> [Result<PeriodFinalization, FinalizeRefusal>] {
    var acceptance: LogPosition?
    return tenants.map { tenant in
      do throws(FinalizeRefusal) {
        let plan = try plan(order, tenant: tenant)
        if acceptance == nil, !plan.gaps.isEmpty, let reason = order.acceptsGaps {
          acceptance = accept(plan.gaps, reason: reason, operatorName: order.operatorName)
        }
        return .success(append(plan, order, tenant: tenant, acceptance: acceptance))
      } catch {
        return .failure(error)
      }
    }
  }

  /// What finalizing a tenant's period would do.
  public struct FinalizePlan: Sendable, Hashable {
    /// The period and its hours.
    public var bounds: PeriodBounds
    /// The gaps that would be given up.
    public var gaps: [AcceptedGaps]
    fileprivate let tenant: UInt32
  }

  /// Checks whether a period of one tenant may be finalized, and changes nothing.
  public func plan(
    _ order: FinalizeOrder, tenant: String
  ) throws(FinalizeRefusal) -> FinalizePlan {
    if clock.hold != nil { throw .clockHeld }
    let period = order.period
    let schedule = configuration.calendars.schedule(of: tenant)
    let bounds = schedule.bounds(of: period)
    try checkClosed(bounds, order.closed)
    guard let id = names.knownTenant(tenant), names.tenants[Int(id)].firstHour != .max else {
      throw .unknownTenant(tenant)
    }
    let state = names.tenants[Int(id)]
    let first = schedule.period(containing: Hour(index: state.firstHour)).period
    if let last = state.finalized, last >= period {
      // Before the first usage it may have been passed over.
      throw period == last || period >= first
        ? .alreadyFinalized(tenant: tenant, period)
        : .laterPeriodFinalized(tenant: tenant, period, last: last)
    }
    // An order for the wrong year would leave every period since then to be finalized, in order.
    if state.finalized == nil, period < first.previous ?? first {
      throw .unknownPeriod(tenant: tenant, period, first: first)
    }
    let oldestOpen = state.finalized.map { $0.next ?? $0 } ?? first
    if oldestOpen < period { throw .earlierPeriodOpen(tenant: tenant, oldestOpen) }
    let due = Timestamp(milliseconds: bounds.end.start.milliseconds + configuration.closeGrace)
    let gaps = openGaps(before: due)
    if !gaps.isEmpty, order.acceptsGaps == nil { throw .gapsOpen(bounds, gaps) }
    return FinalizePlan(bounds: bounds, gaps: gaps, tenant: id)
  }

  /// Tenants with usage whose next open period is the given one or an earlier one.
  public func tenantsOpen(in period: BillingPeriod) -> [String] {
    periods().filter { state in
      guard let first = state.first else { return false }
      return state.finalizedThrough.map { $0 < period } ?? (first <= period)
    }.map(\.tenant)
  }

  /// What the ledger knows of every tenant's periods, ascending by name.
  public func periods() -> [TenantPeriods] {
    names.snapshot().map { tenant in
      let schedule = configuration.calendars.schedule(of: tenant.name)
      return TenantPeriods(
        tenant: tenant.name, first: tenant.firstHour.map { schedule.period(containing: $0).period },
        finalizedThrough: tenant.finalized?.period)
    }
  }

  /// How far hours are closed in this partition.
  public var closedHours: ClosedHours {
    ClosedHours(through: closedThrough, flushedThrough: flushedClosedThrough)
  }

  private func checkClosed(
    _ bounds: PeriodBounds, _ closed: ClosedHours
  ) throws(FinalizeRefusal) {
    guard bounds.end.start <= time else { throw .notOver(bounds) }
    guard let through = closed.through, through >= bounds.lastHour else {
      throw .hoursOpen(bounds, closedThrough: closed.through)
    }
    guard let flushed = closed.flushedThrough, flushed >= bounds.lastHour else {
      throw .hoursUnflushed(bounds, flushedThrough: closed.flushedThrough)
    }
  }

  /// Logs that gaps are given up.
  private mutating func accept(
    _ gaps: [AcceptedGaps], reason: String, operatorName: String
  ) -> LogPosition {
    var acceptance = GapAcceptance(
      gaps: gaps, reason: reason, operatorName: operatorName, time: time,
      position: LogPosition(0))
    acceptance.position = append(.gapsAccepted(acceptance))
    noteAccepted(acceptance)
    return acceptance.position
  }

  private mutating func append(
    _ plan: FinalizePlan, _ order: FinalizeOrder, tenant: String, acceptance: LogPosition?
  ) -> PeriodFinalization {
    var finalization = PeriodFinalization(
      tenant: tenant, bounds: plan.bounds, time: time, operatorName: order.operatorName,
      run: order.run, acceptance: acceptance, position: LogPosition(0))
    finalization.position = append(.periodFinalized(finalization))
    noteFinalized(plan.tenant, finalization)
    return finalization
  }

  mutating func noteFinalized(_ tenant: UInt32, _ finalization: PeriodFinalization) {
    names.tenants[Int(tenant)].finalize(finalization.bounds)
    pending.finalizations.append(finalization)
    lastFinalization = finalization.position
  }
}

/// A calendar that would move hours of a period that has begun.
public struct CalendarChange: Error, Sendable, Hashable, CustomStringConvertible {
  /// Whose calendar.
  public var tenant: String
  /// The period and its first hour as the log has it.
  public var logged: PeriodBounds
  /// Its first hour by the configuration.
  public var configured: Hour
  /// The first period that may have another calendar.
  public var from: BillingPeriod

  /// What would move, and what may be done.
  public var description: String {
    "calendar of tenant \(tenant): period \(logged.period.text) begins at \(logged.start.text) "
      + "by the log and at \(configured.text) by the configuration; a calendar changes from "
      + "\(from.text) on at the earliest, so keep the one before and add an entry from then on"
  }
}

extension Ledger {
  /// Makes sure that the configured calendars leave every period as it is that has begun.
  func checkCalendars() throws(CalendarChange) {
    guard let logged = configurationRecord?.calendars, logged != configuration.calendars else {
      return
    }
    let now = Hour(containing: time)
    let changed = Set((logged.entries + configuration.calendars.entries).map(\.tenant))
    for tenant in changed.sorted() {
      let before = logged.schedule(of: tenant)
      let after = configuration.calendars.schedule(of: tenant)
      let current = before.period(containing: now)
      let id = names.knownTenant(tenant).map { Int($0) }
      let first = id.flatMap { id in
        names.tenants[id].firstHour == .max
          ? nil : before.period(containing: Hour(index: names.tenants[id].firstHour)).period
      }
      guard var period = first else { continue }
      while period <= current.period {
        guard before.start(of: period) == after.start(of: period) else {
          throw CalendarChange(
            tenant: tenant, logged: before.bounds(of: period), configured: after.start(of: period),
            from: current.period.next ?? current.period)
        }
        guard let next = period.next else { break }
        period = next
      }
      if let next = current.period.next, after.start(of: next) <= now {
        throw CalendarChange(
          tenant: tenant, logged: before.bounds(of: next), configured: after.start(of: next),
          from: next.next ?? next)
      }
    }
  }
}
