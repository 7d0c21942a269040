extension Duration {
  /// Units of duration text, the longest first, with their milliseconds.
  private static let units: [(name: String, milliseconds: Int64)] = [
    ("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1),
  ]

  /// Whole milliseconds; beyond the range of `Int64` its nearest end.
  public var milliseconds: Int64 {
    let (seconds, attoseconds) = components
    let (whole, overflow) = seconds.multipliedReportingOverflow(by: 1_000)
    if overflow { return seconds < 0 ? .min : .max }
    let (sum, carry) = whole.addingReportingOverflow(attoseconds / 1_000_000_000_000_000)
    return carry ? (seconds < 0 ? .min : .max) : sum
  }

  /// Reads `35d`, `1h30m` or `500ms`: whole numbers with units d, h, m, s, ms in this order, each
  /// at most once; nil for anything else.
  public init?(text: String) {
    var rest = Substring(text)
    var total: Int64 = 0
    var nextUnit = 0
    guard !rest.isEmpty else { return nil }
    while !rest.isEmpty {
      let digits = rest.prefix { $0.isASCII && $0.isNumber }
      rest = rest.dropFirst(digits.count)
      let name = rest.prefix { $0.isASCII && $0.isLetter }
      rest = rest.dropFirst(name.count)
      guard let count = Int64(digits),
        let unit = Self.units[nextUnit...].firstIndex(where: { $0.name == name })
      else { return nil }
      nextUnit = unit + 1
      let (part, tooLong) = count.multipliedReportingOverflow(by: Self.units[unit].milliseconds)
      let (sum, overflow) = total.addingReportingOverflow(part)
      guard !tooLong, !overflow else { return nil }
      total = sum
    }
    self = .milliseconds(total)
  }

  /// The shortest text that ``init(text:)`` reads as this duration; `0s` for none.
  public var text: String {
    var rest = milliseconds
    guard rest > 0 else { return "0s" }
    var text = ""
    for unit in Self.units where rest >= unit.milliseconds {
      text += "\(rest / unit.milliseconds)\(unit.name)"
      rest %= unit.milliseconds
    }
    return text
  }
}
