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
      (1...CivilDate.dayCount(year: year, month: month)).contains(day), (0...23).contains(hour),
      (0...59).contains(minute), (0...60).contains(second), abs(offsetMinutes) < 24 * 60
    else { return nil }
    let date = CivilDate(year: year, month: month, day: day)
    let minutes = (date.dayNumber * 24 + hour) * 60 + minute - offsetMinutes
    let time = Timestamp(milliseconds: Int64((minutes * 60 + second) * 1_000 + millisecond))
    return time.milliseconds >= 0 && time <= .latest ? time : nil
  }
}
