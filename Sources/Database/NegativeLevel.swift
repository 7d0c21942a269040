public import Metering
public import Wire

/// Hours of a period at whose ends a tenant has less than nothing stored.
public struct NegativeLevel: Sendable, Hashable, CustomStringConvertible {
  /// A row of usage that took bytes away in the first of these hours.
  public struct Cause: Sendable, Hashable {
    /// The hour of the row's event times; earlier than the first hour for late usage.
    public var originHour: Hour
    /// The operation's name.
    public var operation: String
    /// The context's type.
    public var contextType: ContextType
    /// The context's name; empty for none.
    public var context: String
    /// What the row changes, less than 0.
    public var quantity: Int128
  }

  /// The tenant's name.
  public var tenant: String
  /// The first of these hours.
  public var since: Hour
  /// The first hour after them.
  public var until: Hour
  /// The lowest level in between.
  public var lowest: Int128
  /// The rows that caused it; none if the level was below 0 when the period began.
  public var causes: [Cause]

  /// Who, from when to when, how far, and by what; the first causes are named.
  public var description: String {
    var reasons = causes.prefix(3).map { cause in
      let context = cause.context.isEmpty ? "" : " (\(cause.contextType.name) \(cause.context))"
      return "\(cause.quantity) by \(cause.operation)\(context) in hour \(cause.originHour.text)"
    }
    if causes.count > 3 { reasons.append("and \(causes.count - 3) more") }
    if causes.isEmpty { reasons = ["it began so, see the period before"] }
    return "tenant \(tenant) has less than nothing stored from \(since.text) to \(until.text), "
      + "lowest \(lowest) bytes: \(reasons.joined(separator: "; "))"
  }
}
