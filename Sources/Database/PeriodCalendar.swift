internal import Metering

/// Billing periods as Postgres wants them.
enum PeriodCalendar {
  /// The start of a period as a `timestamptz` literal, such as `2026-03-01T00:00:00Z`.
  static func startText(_ period: BillingPeriod) -> String { "\(period.text)-01T00:00:00Z" }

  /// An SQL expression for the month number of the period that starts at a column's time.
  static func monthExpression(_ column: String) -> String {
    """
    (extract(year FROM timezone('UTC', \(column))) * 12
      + extract(month FROM timezone('UTC', \(column))) - 23641)::integer
    """
  }
}
