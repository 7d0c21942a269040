public import Wire

extension Timestamp {
  /// The time as ISO 8601 text in UTC, such as `2026-01-05T14:00:00Z`, with milliseconds
  /// (`….250Z`) where they are not zero.
  ///
  /// The form is that of RFC 3339, which has no year before 0 or after 9999: such a time is given
  /// as its number of milliseconds, such as `-62167219200001 ms`.
  public var text: String {
    let dayLength: Int64 = 86_400_000
    guard (-62_167_219_200_000...Timestamp.latest.milliseconds).contains(milliseconds) else {
      return "\(milliseconds) ms"
    }
    let dayNumber = (milliseconds >= 0 ? milliseconds : milliseconds - (dayLength - 1)) / dayLength
    let date = CivilDate(dayNumber: Int32(truncatingIfNeeded: dayNumber))
    let inDay = Int(milliseconds - dayNumber * dayLength)
    var writer = CalendarWriter()
    writer.append(date.year, width: 4)
    writer.append("-")
    writer.append(date.month, width: 2)
    writer.append("-")
    writer.append(date.day, width: 2)
    writer.append("T")
    writer.append(inDay / 3_600_000, width: 2)
    writer.append(":")
    writer.append(inDay / 60_000 % 60, width: 2)
    writer.append(":")
    writer.append(inDay / 1_000 % 60, width: 2)
    if inDay % 1_000 != 0 {
      writer.append(".")
      writer.append(inDay % 1_000, width: 3)
    }
    writer.append("Z")
    return writer.text
  }

  /// The time that an ISO 8601 text in the form of RFC 3339 names.
  ///
  /// Taken are `2026-01-05T14:00:00Z`, one to three digits of a fraction (`….25Z`), and a numeric
  /// offset (`+02:00`) instead of `Z`. The letters are capitals; second 60 is refused, since the
  /// service's time has no leap seconds.
  ///
  /// - Throws: ``CalendarError/notATimestamp(_:)`` for any other form, for a date that does not
  ///   exist, and for a time that is outside 1970 to 9999 in UTC.
  public init(parsing text: String) throws(CalendarError) {
    var reader = CalendarReader(text)
    guard let day = Timestamp.readDate(&reader), reader.skip("T"),
      let inDay = Timestamp.readTimeOfDay(&reader), let offset = Timestamp.readOffset(&reader),
      reader.isAtEnd
    else { throw .notATimestamp(text) }
    let milliseconds = Int64(day) * 86_400_000 + Int64(inDay) - Int64(offset)
    guard (0...Timestamp.latest.milliseconds).contains(milliseconds) else {
      throw .notATimestamp(text)
    }
    self.init(milliseconds: milliseconds)
  }

  /// Days since 1970-01-01.
  private static func readDate(_ reader: inout CalendarReader) -> Int? {
    guard let year = reader.number(width: 4), reader.skip("-"),
      let month = reader.number(width: 2), (1...12).contains(month), reader.skip("-"),
      let day = reader.number(width: 2),
      (1...CivilDate.dayCount(year: year, month: month)).contains(day)
    else { return nil }
    return CivilDate(year: year, month: month, day: day).dayNumber
  }

  /// Milliseconds since the start of the day.
  private static func readTimeOfDay(_ reader: inout CalendarReader) -> Int? {
    guard let hour = reader.number(width: 2), hour < 24, reader.skip(":"),
      let minute = reader.number(width: 2), minute < 60, reader.skip(":"),
      let second = reader.number(width: 2), second < 60
    else { return nil }
    let whole = ((hour * 60 + minute) * 60 + second) * 1_000
    guard reader.skip(".") else { return whole }
    guard let thousandths = reader.thousandths() else { return nil }
    return whole + thousandths
  }

  /// Milliseconds that the text's clock is ahead of UTC.
  private static func readOffset(_ reader: inout CalendarReader) -> Int? {
    if reader.skip("Z") { return 0 }
    let isAhead = reader.skip("+")
    guard isAhead || reader.skip("-"), let hour = reader.number(width: 2), hour < 24,
      reader.skip(":"), let minute = reader.number(width: 2), minute < 60
    else { return nil }
    let offset = (hour * 60 + minute) * 60_000
    return isAhead ? offset : -offset
  }
}

extension Hour {
  /// The start of the hour as ISO 8601 text in UTC, such as `2026-01-05T14:00:00Z`.
  public var text: String { start.text }

  /// The hour whose start an ISO 8601 text names; see `Timestamp.init(parsing:)`.
  ///
  /// - Throws: ``CalendarError/notATimestamp(_:)``, or ``CalendarError/notAnHour(_:)`` for a time
  ///   inside an hour.
  public init(parsing text: String) throws(CalendarError) {
    let time = try Timestamp(parsing: text)
    self.init(containing: time)
    guard start == time else { throw .notAnHour(text) }
  }
}
