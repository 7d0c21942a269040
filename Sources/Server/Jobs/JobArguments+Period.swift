internal import Metering
internal import Wire

extension JobArguments {
  /// The period; nil if none is named.
  ///
  /// - Throws: ``CommandFailure`` if what is named is no period.
  func billingPeriod() throws(CommandFailure) -> BillingPeriod? {
    try period == nil ? nil : requiredPeriod()
  }

  /// The period.
  ///
  /// - Throws: ``CommandFailure`` if none is named.
  func requiredPeriod() throws(CommandFailure) -> BillingPeriod {
    guard let period, let parsed = try? BillingPeriod(parsing: period) else {
      let found = period.map(JSONText.quoted) ?? "none"
      throw CommandFailure("period: found \(found); allowed: a month such as 2026-01")
    }
    return parsed
  }

  /// What a run is narrowed to; nil if to nothing.
  func scope(_ calendars: CalendarTable) throws(CommandFailure) -> FoldScope? {
    if let period = try billingPeriod() {
      return FoldScope(tenant: tenant, period: period, calendars: calendars)
    }
    return tenant.map { FoldScope(tenant: $0) }
  }
}
