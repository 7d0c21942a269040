/// Why a text is not a cron expression.
public enum CronError: Error, Sendable, Hashable, CustomStringConvertible {
  /// It does not have five fields and is no known name.
  case form(found: String)
  /// A part of a field is nothing that the field may hold.
  case field(CronField, found: String)
  /// The days of month exist in none of the months.
  case neverOccurs(days: String, months: String)

  /// Which field is wrong, what was found, and what is allowed.
  public var description: String {
    switch self {
    case .form(let found):
      "found \"\(found)\"; allowed: five fields \"minute hour day-of-month month day-of-week\", or "
        + CronSchedule.shorthands.map(\.name).joined(separator: ", ")
    case .field(let field, let found):
      "\(field.name): found \"\(found)\"; allowed: \(field.allowed)"
    case .neverOccurs(let days, let months):
      "day of month: found \"\(days)\" with month \"\(months)\", a date that never comes; "
        + "allowed: a day that one of the months has"
    }
  }
}
