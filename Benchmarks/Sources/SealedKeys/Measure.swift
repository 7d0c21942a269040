/// A figure with its unit, and the limit that it should keep.
public struct Measure: Codable, Sendable {
  /// What was measured.
  public var name: String
  /// What it is counted in.
  public var unit: String
  /// How much it is.
  public var value: Double
  /// How much it may be at most, or at least; nil if nothing is promised.
  public var limit: Double?
  /// Whether the limit is the least that is wanted.
  public var isLeast: Bool

  /// A figure.
  ///
  /// - Parameters:
  ///   - name: what was measured.
  ///   - value: how much it is.
  ///   - unit: what it is counted in.
  ///   - limit: how much it may be.
  ///   - least: how much it must be.
  public init(
    _ name: String, _ value: Double, _ unit: String, atMost limit: Double? = nil,
    atLeast least: Double? = nil
  ) {
    self.name = name
    self.unit = unit
    self.value = value
    self.limit = limit ?? least
    isLeast = least != nil
  }

  /// Whether it keeps its limit.
  public var keepsLimit: Bool {
    guard let limit else { return true }
    return isLeast ? value >= limit : value <= limit
  }

  /// The figure alone, for a run so small that the limit says nothing.
  public var withoutLimit: Measure { Measure(name, value, unit) }

  /// As one line, such as `memory of a sealed key: 2.9 bytes (at most 3)`.
  public var text: String {
    let text = "\(name): \(Self.text(value)) \(unit)"
    guard let limit else { return text }
    let bound = "\(isLeast ? "at least" : "at most") \(Self.text(limit))"
    return text + " (\(bound))" + (keepsLimit ? "" : "  OVER THE LIMIT")
  }

  /// Three digits behind the point for small numbers, none for large ones.
  private static func text(_ value: Double) -> String {
    if value.magnitude >= 1_000 { return String(Int(value.rounded())) }
    let thousandths = (value.magnitude * 1_000).rounded()
    let sign = value < 0 ? "-" : ""
    let fraction = String(Int(thousandths) % 1_000 + 1_000).dropFirst()
    return "\(sign)\(Int(thousandths) / 1_000).\(fraction)"
  }
}
