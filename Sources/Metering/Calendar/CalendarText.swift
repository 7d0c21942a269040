import Wire

extension BillingPeriod {
  /// The period as text, such as `2026-01`.
  public var text: String { String(start.text.prefix(7)) }

  /// The period that a text such as `2026-01` names.
  ///
  /// - Throws: ``CalendarError/notABillingPeriod(_:)`` for any other form and for a month outside
  ///   1970-01 to 9999-12.
  public init(parsing text: String) throws(CalendarError) {
    guard text.utf8.count == 7, let start = Timestamp(rfc3339: "\(text)-01T00:00:00Z") else {
      throw .notABillingPeriod(text)
    }
    self.init(containing: start)
  }
}

extension Hour {
  /// The start of the hour as text in UTC, such as `2026-01-05T14:00:00Z`.
  public var text: String { start.text }

  /// The hour as the start of a period: a month such as `2026-01` where a calendar month in UTC
  /// begins, else as ``text``.
  public var periodText: String {
    let month = BillingPeriod(containing: self)
    return month.firstHour == self ? month.text : text
  }

  /// The hour whose start a text in the form of RFC 3339 names; see `Timestamp.init(rfc3339:)`.
  ///
  /// - Throws: ``CalendarError/notATimestamp(_:)``, or ``CalendarError/notAnHour(_:)`` for a time
  ///   inside an hour.
  public init(parsing text: String) throws(CalendarError) {
    guard let time = Timestamp(rfc3339: text) else { throw .notATimestamp(text) }
    self.init(containing: time)
    guard start == time else { throw .notAnHour(text) }
  }
}
