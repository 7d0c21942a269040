public import Wire

extension BillingPeriod {
  /// The first period that the service knows, 1970-01.
  public static let earliest = BillingPeriod(month: 0)

  /// The last period that the service knows, 9999-12.
  public static let latest = BillingPeriod(month: (9_999 - 1_970) * 12 + 11)

  /// Whether the period lies from 1970-01 to 9999-12.
  public var isValid: Bool { self >= .earliest && self <= .latest }

  /// The period of a calendar month.
  ///
  /// - Returns: nil if the year is outside 1970 to 9999 or the month outside 1 to 12.
  public init?(year: Int, month: Int) {
    guard (1_970...9_999).contains(year), (1...12).contains(month) else { return nil }
    self.init(month: Int32(truncatingIfNeeded: (year - 1_970) * 12 + month - 1))
  }

  /// The period that holds an hour. O(1).
  ///
  /// An hour before 1970 or after 9999 gets the first or the last period.
  public init(containing hour: Hour) {
    let clamped = min(max(hour, BillingPeriod.earliest.firstHour), BillingPeriod.latest.lastHour)
    let date = CivilDate(dayNumber: clamped.index / 24)
    self.init(month: Int32(truncatingIfNeeded: (date.year - 1_970) * 12 + date.month - 1))
  }

  /// The period that holds a time; times outside 1970 to 9999 are clamped. O(1).
  public init(containing time: Timestamp) {
    self.init(containing: Hour(containing: time))
  }

  /// The year, 1970 to 9999.
  public var year: Int { 1_970 + clampedMonth / 12 }

  /// The month of the year, 1 to 12.
  public var monthOfYear: Int { clampedMonth % 12 + 1 }

  /// The first hour of the period. A period outside 1970-01 to 9999-12 is clamped. O(1).
  public var firstHour: Hour { BillingPeriod.firstHour(ofMonth: clampedMonth) }

  /// The first hour after the period. A period outside 1970-01 to 9999-12 is clamped. O(1).
  public var endHour: Hour { BillingPeriod.firstHour(ofMonth: clampedMonth + 1) }

  /// The last hour of the period. O(1).
  public var lastHour: Hour { Hour(index: endHour.index - 1) }

  /// The first millisecond of the period. O(1).
  public var start: Timestamp { firstHour.start }

  /// The first millisecond after the period. O(1).
  public var end: Timestamp { endHour.start }

  /// The period after this one; nil after 9999-12.
  public var next: BillingPeriod? {
    self < .latest ? BillingPeriod(month: month + 1) : nil
  }

  /// The period before this one; nil before 1970-01.
  public var previous: BillingPeriod? {
    self > .earliest ? BillingPeriod(month: month - 1) : nil
  }

  private var clampedMonth: Int {
    Int(min(max(self, .earliest), .latest).month)
  }

  private static func firstHour(ofMonth month: Int) -> Hour {
    let date = CivilDate(year: 1_970 + month / 12, month: month % 12 + 1, day: 1)
    return Hour(index: Int32(truncatingIfNeeded: date.dayNumber * 24))
  }
}
