/// A billing period: a calendar month in UTC, made of whole hours.
public struct BillingPeriod: Sendable, Hashable, Comparable {
  /// Months since January 1970.
  public var month: Int32

  /// The period with this number of months since January 1970.
  public init(month: Int32) { self.month = month }

  /// Whether the left period is earlier.
  public static func < (left: BillingPeriod, right: BillingPeriod) -> Bool {
    left.month < right.month
  }
}
