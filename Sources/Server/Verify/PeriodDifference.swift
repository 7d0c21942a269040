public import Metering

/// A row of `billing_periods` that is not what its rows, or the log, say.
public struct PeriodDifference: Sendable, Hashable, CustomStringConvertible {
  /// One figure with up to three values.
  public struct Figure: Sendable, Hashable {
    /// Its column, or its path in the column `totals`.
    public var name: String
    /// What the row holds; nil if it holds nothing.
    public var found: String?
    /// What the rows of the period in Postgres give; nil if they do not give it.
    public var rows: String?
    /// What the log gives; nil if the log does not give it, or no longer does.
    public var log: String?
  }

  /// The tenant.
  public var tenant: String
  /// The period.
  public var period: BillingPeriod
  /// The figures that differ, by name.
  public var figures: [Figure]

  /// The row in one line.
  public var description: String {
    let texts = figures.map { figure in
      "\(figure.name) is \(figure.found ?? "missing")"
        + (figure.rows.map { ", its rows give \($0)" } ?? "")
        + (figure.log.map { ", the log gives \($0)" } ?? "")
    }
    return "billing_periods (\(tenant), \(period.text)): \(texts.joined(separator: "; "))"
  }
}
