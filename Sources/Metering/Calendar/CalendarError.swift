/// A text that does not name a time in the form that the calendar takes.
public enum CalendarError: Error, Sendable, Hashable, CustomStringConvertible {
  /// Not a month from 1970-01 to 9999-12 in the form `2026-01`.
  case notABillingPeriod(String)
  /// Not a time from 1970 to 9999 in the form `2026-01-05T14:00:00Z`.
  case notATimestamp(String)
  /// A time, but not the start of an hour.
  case notAnHour(String)

  /// What was found and what was expected.
  public var description: String {
    switch self {
    case .notABillingPeriod(let text):
      "\"\(text)\" is not a billing period from 1970-01 to 9999-12, such as 2026-01"
    case .notATimestamp(let text):
      "\"\(text)\" is not a time from 1970 to 9999, such as 2026-01-05T14:00:00Z"
    case .notAnHour(let text):
      "\"\(text)\" is not the start of an hour, such as 2026-01-05T14:00:00Z"
    }
  }
}
