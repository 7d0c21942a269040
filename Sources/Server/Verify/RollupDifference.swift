public import Metering
internal import Wire

/// A row that the log and Postgres do not agree on.
public struct RollupDifference: Sendable, Hashable, CustomStringConvertible {
  /// One column with two values.
  public struct Column: Sendable, Hashable {
    /// Its name in the table.
    public var name: String
    /// What the log gives.
    public var expected: String
    /// What Postgres has.
    public var found: String
  }

  /// The row's key; its sums are those of the log, or where the log has no such row, of Postgres.
  public var row: RollupRow
  /// What the log gives; nil if it has no such row.
  public var expected: UsageSums?
  /// What Postgres has; nil if it has no such row.
  public var found: UsageSums?

  /// The columns that differ; empty where one side has no such row.
  public var columns: [Column] {
    guard let expected, let found else { return [] }
    return zip(Self.texts(expected), Self.texts(found)).compactMap { left, right in
      left.text == right.text
        ? nil : Column(name: left.name, expected: left.text, found: right.text)
    }
  }

  /// The row in one line: table, key, and what differs.
  public var description: String {
    let subject = row.subject
    var key = "\(row.table.rawValue) (\(subject.tenant), \(row.hour.text), \(subject.kind.name), "
    key += "\(subject.operation), \(subject.contextType.name), \(JSONText.quoted(subject.context))"
    key += row.bookingStart.map { ", booked in \($0.periodText))" } ?? ")"
    if found == nil { return "\(key): missing in Postgres" }
    if expected == nil { return "\(key): not in the log" }
    let texts = columns.map { "\($0.name) is \($0.found), the log gives \($0.expected)" }
    return "\(key): \(texts.joined(separator: "; "))"
  }

  private static func texts(_ sums: UsageSums) -> [(name: String, text: String)] {
    [
      ("records", "\(sums.count)"), ("quantity", "\(sums.quantity)"),
      ("weighted", "\(sums.weighted)"), ("byte_milliseconds", "\(sums.byteMilliseconds)"),
      ("digest", "\(sums.digest)"),
    ]
  }
}
