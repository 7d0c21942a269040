/// One of the five fields of a cron expression, in their order.
public enum CronField: Int, Sendable, CaseIterable {
  /// 0 to 59.
  case minute
  /// 0 to 23.
  case hour
  /// 1 to 31.
  case dayOfMonth
  /// 1 to 12, or jan to dec.
  case month
  /// 0 to 7, or sun to sat; 0 and 7 are Sunday.
  case dayOfWeek

  /// What it is called in messages.
  public var name: String {
    switch self {
    case .minute: "minute"
    case .hour: "hour"
    case .dayOfMonth: "day of month"
    case .month: "month"
    case .dayOfWeek: "day of week"
    }
  }

  /// The numbers that may be written.
  var range: ClosedRange<Int> {
    switch self {
    case .minute: 0...59
    case .hour: 0...23
    case .dayOfMonth: 1...31
    case .month: 1...12
    case .dayOfWeek: 0...7
    }
  }

  /// Names for numbers, from the least on.
  var names: [String] {
    switch self {
    case .month:
      ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
    case .dayOfWeek: ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]
    default: []
    }
  }

  /// What is allowed, in words.
  public var allowed: String {
    var text = "*, or \(range.lowerBound) to \(range.upperBound)"
    if let first = names.first, let last = names.last { text += " or \(first) to \(last)" }
    return text + ", as numbers, ranges a-b and lists a,b; a step such as */2 or a-b/2"
  }
}
