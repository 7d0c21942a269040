import Wire

/// How a tenant's billing periods lie: they begin on a day of the month, at midnight in a zone that
/// is whole hours away from UTC.
///
/// The zone has no summer time: a period is always made of whole days.
public struct PeriodCalendar: Sendable, Hashable {
  /// The day of the month on which periods begin.
  public let anchorDay: Int
  /// Hours that local time is ahead of UTC.
  public let offsetHours: Int

  /// Calendar months in UTC.
  public static let months = PeriodCalendar()

  private init() {
    anchorDay = 1
    offsetHours = 0
  }

  /// Days on which periods may begin: every month has them.
  public static let anchorDays = 1...28
  /// Offsets from UTC that a zone may have, in hours.
  public static let offsets = -12...14

  /// A calendar; nil outside ``anchorDays`` and ``offsets``.
  public init?(anchorDay: Int, offsetHours: Int) {
    guard Self.anchorDays.contains(anchorDay), Self.offsets.contains(offsetHours) else {
      return nil
    }
    self.anchorDay = anchorDay
    self.offsetHours = offsetHours
  }

  /// The first hour of the period that begins in a month. O(1).
  ///
  /// What would lie before 1970 or after 9999 is moved to the first or the last hour of that time.
  func start(of period: BillingPeriod) -> Hour {
    let hour = Int(period.firstHour.index) + (anchorDay - 1) * 24 - offsetHours
    let last = Int(BillingPeriod.latest.lastHour.index)
    return Hour(index: Int32(truncatingIfNeeded: min(max(hour, 0), last)))
  }
}

/// The hours of one billing period of a tenant.
public struct PeriodBounds: Sendable, Hashable {
  /// The period, named by the month in which it begins.
  public var period: BillingPeriod
  /// Its first hour.
  public var start: Hour
  /// The first hour after it: the start of the next period.
  public var end: Hour

  /// The hours of one billing period.
  public init(period: BillingPeriod, start: Hour, end: Hour) {
    self.period = period
    self.start = start
    self.end = end
  }

  /// The bounds of a calendar month in UTC.
  public init(monthOf period: BillingPeriod) {
    self.init(period: period, start: period.firstHour, end: period.endHour)
  }

  /// Its last hour.
  public var lastHour: Hour { Hour(index: end.index - 1) }

  /// Whether an hour lies in it.
  public func contains(_ hour: Hour) -> Bool { hour >= start && hour < end }
}
