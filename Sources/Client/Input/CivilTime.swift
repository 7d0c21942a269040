internal import Wire

/// A date and time of day with its distance from UTC, as a log line or a text gives it.
struct CivilTime {
  var year = 0
  /// 1 to 12.
  var month = 0
  var day = 0
  var hour = 0
  var minute = 0
  /// 0 to 60; a leap second counts as the beginning of the next minute.
  var second = 0
  /// 0 to 999.
  var millisecond = 0
  /// Minutes east of UTC.
  var offsetMinutes = 0

  /// The point in time, or nil if there is no such date or time of day, or if it lies outside the
  /// years 1970 to 9999 UTC.
  var timestamp: Timestamp? {
    guard (0...9_999).contains(year), (1...12).contains(month),
      (1...Self.days(in: month, of: year)).contains(day), (0...23).contains(hour),
      (0...59).contains(minute), (0...60).contains(second), abs(offsetMinutes) < 24 * 60
    else { return nil }
    let minutes = (Self.dayNumber(year, month, day) * 24 + hour) * 60 + minute - offsetMinutes
    let time = Timestamp(milliseconds: Int64((minutes * 60 + second) * 1_000 + millisecond))
    return time.milliseconds >= 0 && time <= .latest ? time : nil
  }

  private static func days(in month: Int, of year: Int) -> Int {
    switch month {
    case 4, 6, 9, 11: 30
    case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
    default: 31
    }
  }

  /// Days since 1970-01-01 in the Gregorian calendar, for years from 0.
  ///
  /// Years are counted from 1 March, so that the leap day is the last of its year; 719,468 days lie
  /// between 0000-03-01 and 1970-01-01, 146,097 in 400 years (Hinnant, "chrono-Compatible Low-Level
  /// Date Algorithms").
  private static func dayNumber(_ year: Int, _ month: Int, _ day: Int) -> Int {
    // 400 years are added and taken away again, so that all divisions are of positive numbers.
    let shifted = (month <= 2 ? year - 1 : year) + 400
    let era = shifted / 400
    let yearOfEra = shifted % 400
    let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
    let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
    return (era - 1) * 146_097 + dayOfEra - 719_468
  }
}
