internal import Wire

/// A schedule in the five fields of cron: minute, hour, day of month, month, day of week. Its times
/// are UTC, so that no hour is missing or there twice.
///
/// As in POSIX `crontab`, a day matches if it is in both day fields, and if both are restricted, if
/// it is in one of them. A field that begins with `*` restricts nothing in this sense.
public struct CronSchedule: Sendable, Hashable {
  /// The expression with single spaces between its fields, in small letters.
  public let text: String

  /// The values of each field, a bit for each; Sunday is 0.
  let minutes: UInt64
  let hours: UInt64
  let daysOfMonth: UInt64
  let months: UInt64
  let daysOfWeek: UInt64
  /// Whether one of the two day fields is enough.
  let eitherDay: Bool

  /// Names for whole expressions.
  static let shorthands: [(name: String, fields: String)] = [
    ("@hourly", "0 * * * *"), ("@daily", "0 0 * * *"), ("@weekly", "0 0 * * 0"),
    ("@monthly", "0 0 1 * *"), ("@yearly", "0 0 1 1 *"),
  ]

  /// Reads an expression.
  ///
  /// - Throws: ``CronError`` that names the field, also for a date that never comes, such as
  ///   31 February.
  public init(parsing text: String) throws(CronError) {
    let words = text.split { $0 == " " || $0 == "\t" }.map { $0.lowercased() }
    let known = words.count == 1 ? Self.shorthands.first { $0.name == words[0] } : nil
    let fields = known?.fields.split(separator: " ").map(String.init) ?? words
    guard fields.count == CronField.allCases.count else { throw .form(found: text) }
    var values: [UInt64] = []
    for (field, text) in zip(CronField.allCases, fields) {
      values.append(try Self.values(of: field, in: text))
    }
    self.text = words.joined(separator: " ")
    (minutes, hours, daysOfMonth, months) = (values[0], values[1], values[2], values[3])
    // Sunday has two numbers.
    daysOfWeek = (values[4] | values[4] >> 7) & 0x7F
    eitherDay = !fields[2].hasPrefix("*") && !fields[4].hasPrefix("*")
    guard eitherDay || Self.exists(daysOfMonth: daysOfMonth, months: months) else {
      throw .neverOccurs(days: fields[2], months: fields[3])
    }
  }

  /// Whether one of the days is in one of the months. Over 400 years each date, 29 February too,
  /// falls on every day of the week.
  private static func exists(daysOfMonth: UInt64, months: UInt64) -> Bool {
    (1...12).contains { month in
      months >> month & 1 == 1
        && daysOfMonth.trailingZeroBitCount <= CivilDate.dayCount(year: 2_000, month: month)
    }
  }

  private static func values(
    of field: CronField, in text: String
  ) throws(CronError) -> UInt64 {
    var values: UInt64 = 0
    for item in text.split(separator: ",", omittingEmptySubsequences: false) {
      guard let more = Self.values(of: field, inItem: item) else {
        throw .field(field, found: item.isEmpty ? text : String(item))
      }
      values |= more
    }
    return values
  }

  /// The values of one item of a list: `*`, `a` or `a-b`, the first and last with a step.
  private static func values(of field: CronField, inItem item: Substring) -> UInt64? {
    let parts = item.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
    var bounds = field.range
    var step = 1
    if parts[0] != "*" {
      let ends = parts[0].split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false)
      guard let first = number(ends[0], of: field),
        var last = number(ends[ends.count - 1], of: field)
      else { return nil }
      // A week may end with its Sunday.
      if field == .dayOfWeek, ends.count == 2, ends[1] == "sun", first > 0 { last = 7 }
      guard first <= last, parts.count == 1 || ends.count == 2 else { return nil }
      bounds = first...last
    } else if field == .dayOfWeek {
      bounds = 0...6
    }
    if parts.count == 2 {
      guard let number = digits(parts[1]), (1...field.range.upperBound).contains(number) else {
        return nil
      }
      step = number
    }
    return stride(from: bounds.lowerBound, through: bounds.upperBound, by: step)
      .reduce(0) { $0 | 1 << UInt64($1) }
  }

  private static func number(_ text: Substring, of field: CronField) -> Int? {
    if let index = field.names.firstIndex(where: { $0 == text }) {
      return field.range.lowerBound + index
    }
    return digits(text).flatMap { field.range.contains($0) ? $0 : nil }
  }

  /// One or two digits.
  private static func digits(_ text: Substring) -> Int? {
    guard (1...2).contains(text.utf8.count), text.utf8.allSatisfy({ (48...57).contains($0) })
    else { return nil }
    return Int(text)
  }
}
