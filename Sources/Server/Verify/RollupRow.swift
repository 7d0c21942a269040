public import Metering
internal import Wire

/// The two tables that rollups are in.
public enum RollupTableName: String, Sendable, Hashable, Codable {
  /// Usage whose period was open when it came.
  case usage = "usage_hourly"
  /// Late usage, booked in a later period.
  case adjustments = "usage_adjustments"
}

/// One row of either table: where it stands and what it sums.
public struct RollupRow: Sendable, Hashable {
  /// What was used.
  public var subject: UsageSubject
  /// The hour of the event times.
  public var hour: Hour
  /// The period that an adjustment is booked in; nil for a row of `usage_hourly`.
  public var bookingStart: Hour?
  /// The sums.
  public var sums: UsageSums

  /// A row of `usage_hourly`, or with a booking period one of `usage_adjustments`.
  public init(
    subject: UsageSubject, hour: Hour, bookingStart: Hour? = nil, sums: UsageSums
  ) {
    self.subject = subject
    self.hour = hour
    self.bookingStart = bookingStart
    self.sums = sums
  }

  /// The table that the row is in.
  public var table: RollupTableName { bookingStart == nil ? .usage : .adjustments }

  /// How this row's primary key stands to another's, in the order that Postgres keeps: by the bytes
  /// of (tenant, booking period, hour, kind, operation, context type, context), names as text.
  func order(_ other: RollupRow) -> KeyOrder {
    if let order = KeyOrder(subject.tenant, other.subject.tenant) { return order }
    let booking = bookingStart?.index ?? 0
    let otherBooking = other.bookingStart?.index ?? 0
    if booking != otherBooking { return booking < otherBooking ? .before : .after }
    if hour != other.hour { return hour < other.hour ? .before : .after }
    if let order = KeyOrder(subject.kind.name, other.subject.kind.name) { return order }
    if let order = KeyOrder(subject.operation, other.subject.operation) { return order }
    if let order = KeyOrder(subject.contextType.name, other.subject.contextType.name) {
      return order
    }
    return KeyOrder(subject.context, other.subject.context) ?? .same
  }
}

/// How one key stands to another.
enum KeyOrder {
  case before
  case same
  case after

  /// The order of two texts by their bytes, nil if they are the same. Texts that Unicode calls
  /// equivalent are different keys.
  init?(_ left: String, _ right: String) {
    if left.utf8.elementsEqual(right.utf8) { return nil }
    self = left.utf8.lexicographicallyPrecedes(right.utf8) ? .before : .after
  }
}
