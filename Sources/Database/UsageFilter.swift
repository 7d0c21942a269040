public import Metering
public import Wire

/// Which rows of `usage_hourly` or `usage_adjustments` are asked for; nil lets everything through.
public struct UsageFilter: Sendable, Hashable {
  /// The tenant's name.
  public var tenant: String?
  /// The kind.
  public var kind: UsageKind?
  /// The operation's name.
  public var operation: String?
  /// The first hour; the origin hour of adjustments.
  public var from: Hour?
  /// The first hour that is no longer meant.
  public var to: Hour?
  /// The hours in which the period begins that adjustments are booked in; rows of `usage_hourly`
  /// have none.
  public var booked: Range<Hour>?

  /// A filter; without arguments everything passes.
  public init(
    tenant: String? = nil, kind: UsageKind? = nil, operation: String? = nil, from: Hour? = nil,
    to: Hour? = nil, booked: Range<Hour>? = nil
  ) {
    self.tenant = tenant
    self.kind = kind
    self.operation = operation
    self.from = from
    self.to = to
    self.booked = booked
  }

  /// The condition in SQL and its parameters. Only what is set appears, so that the primary key
  /// and the months can be used.
  func condition(hourColumn: String) -> (sql: String, parameters: [String]) {
    var terms: [String] = []
    var parameters: [String] = []
    func add(_ term: String, _ parameter: String) {
      parameters.append(parameter)
      terms.append(term.replacing("$", with: "$\(parameters.count)"))
    }
    if let tenant { add("tenant = $", tenant) }
    if let kind { add("kind = $", kind.name) }
    if let operation { add("operation = $", operation) }
    if let from { add("\(hourColumn) >= \(HourSQL.time("$"))", String(from.index)) }
    if let to { add("\(hourColumn) < \(HourSQL.time("$"))", String(to.index)) }
    if let booked {
      add("booking_period >= \(HourSQL.time("$"))", String(booked.lowerBound.index))
      add("booking_period < \(HourSQL.time("$"))", String(booked.upperBound.index))
    }
    return (terms.isEmpty ? "true" : terms.joined(separator: " AND "), parameters)
  }
}
