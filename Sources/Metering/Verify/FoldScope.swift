/// Which rows of a fold are wanted: those of one billing period, of all tenants or of one.
public struct FoldScope: Sendable, Hashable {
  /// The tenant; nil for all.
  public let tenant: String?
  /// The period; nil for all.
  public let period: BillingPeriod?
  /// The hours in which the period of any of the tenants lies.
  public let hull: PeriodBounds

  /// Calendars that give each tenant's hours; nil where ``hull`` does.
  private let calendars: CalendarTable?

  /// The rows of a period as the calendars have it.
  public init(tenant: String? = nil, period: BillingPeriod, calendars: CalendarTable) {
    self.tenant = tenant
    self.period = period
    if let tenant {
      hull = calendars.schedule(of: tenant).bounds(of: period)
      self.calendars = nil
    } else {
      let all =
        [PeriodBounds(monthOf: period)]
        + Set(calendars.entries.map(\.tenant)).map { calendars.schedule(of: $0).bounds(of: period) }
      hull = all.dropFirst().reduce(all[0]) { hull, bounds in
        PeriodBounds(
          period: period, start: min(hull.start, bounds.start), end: max(hull.end, bounds.end))
      }
      self.calendars = calendars.entries.isEmpty ? nil : calendars
    }
  }

  /// All rows of one tenant.
  public init(tenant: String) {
    self.tenant = tenant
    period = nil
    hull = PeriodBounds(
      period: BillingPeriod(month: 0), start: Hour(index: 0), end: Hour(index: .max))
    calendars = nil
  }

  /// The rows of a period of one tenant whose hours are known.
  public init(tenant: String, bounds: PeriodBounds) {
    self.tenant = tenant
    period = bounds.period
    hull = bounds
    calendars = nil
  }

  /// The key of the row that takes what is not wanted; no usage has it.
  static let rest = RollupKey(
    tenant: .max, operation: .max, context: .max, hour: .min, kind: .max, booking: .min)

  /// The hours of a tenant's period; nil if the tenant is not wanted.
  public func bounds(of tenant: String) -> PeriodBounds? {
    if let wanted = self.tenant, !wanted.utf8.elementsEqual(tenant.utf8) { return nil }
    guard let calendars, let period else { return hull }
    return calendars.schedule(of: tenant).bounds(of: period)
  }

  /// Whether a record of a tenant belongs to the period: by its hour, or by its booking if it is
  /// late.
  ///
  /// - Parameters:
  ///   - tenant: the tenant's name.
  ///   - hour: the hour of its event time.
  ///   - bookingStart: the first hour of the period that it is booked in; nil if it is not late.
  public func contains(_ tenant: String, hour: Hour, bookingStart: Hour?) -> Bool {
    bounds(of: tenant)?.contains(bookingStart ?? hour) == true
  }
}
