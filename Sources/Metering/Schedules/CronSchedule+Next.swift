public import Wire

extension CronSchedule {
  private static let minutesOfDay = 1_440

  /// The first time of the schedule after a time: the start of a minute, strictly later.
  ///
  /// No schedule waits longer than 40 years, and whole months are passed over at once. A time
  /// before 1970 counts as its end.
  ///
  /// - Returns: nil if none comes before the end of 9999.
  public func next(after time: Timestamp) -> Timestamp? {
    guard time < .latest else { return nil }
    let minute = time.milliseconds < 0 ? 0 : Int(time.milliseconds / 60_000) + 1
    let lastDay = Int(Timestamp.latest.milliseconds / 60_000) / Self.minutesOfDay
    var day = minute / Self.minutesOfDay
    var start = minute % Self.minutesOfDay
    while day <= lastDay {
      let date = CivilDate(dayNumber: Int32(truncatingIfNeeded: day))
      guard months >> date.month & 1 == 1 else {
        day += CivilDate.dayCount(year: date.year, month: date.month) - date.day + 1
        start = 0
        continue
      }
      if contains(date, number: day), let found = minuteOfDay(from: start) {
        return Timestamp(milliseconds: Int64(day * Self.minutesOfDay + found) * 60_000)
      }
      day += 1
      start = 0
    }
    return nil
  }

  private func contains(_ date: CivilDate, number: Int) -> Bool {
    let isDay = daysOfMonth >> date.day & 1 == 1
    // 1970-01-01 was a Thursday.
    let isWeekday = daysOfWeek >> ((number + 4) % 7) & 1 == 1
    return eitherDay ? isDay || isWeekday : isDay && isWeekday
  }

  /// The first minute of a matching day that is not before a minute, nil if that day has none.
  private func minuteOfDay(from start: Int) -> Int? {
    var (hour, minute) = (start / 60, start % 60)
    while hour < 24 {
      let rest = minutes >> minute
      if hours >> hour & 1 == 1, rest != 0 {
        return hour * 60 + minute + rest.trailingZeroBitCount
      }
      hour += 1
      minute = 0
    }
    return nil
  }
}
