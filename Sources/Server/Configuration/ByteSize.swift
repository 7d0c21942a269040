/// Sizes in bytes as people write them.
public enum ByteSize {
  /// Units, the largest first, with their bytes.
  private static let units: [(name: String, bytes: Int)] = [
    ("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1),
  ]

  /// Reads `65507`, `64KiB` or `1GiB` as bytes; nil for anything else.
  public static func bytes(of text: String) -> Int? {
    let digits = text.prefix { $0.isASCII && $0.isNumber }
    let name = text.dropFirst(digits.count)
    guard let count = Int(digits) else { return nil }
    if name.isEmpty { return count }
    guard let unit = units.first(where: { $0.name == name }) else { return nil }
    let (bytes, overflow) = count.multipliedReportingOverflow(by: unit.bytes)
    return overflow ? nil : bytes
  }

  /// Bytes in the largest unit that divides them: `64KiB`, `65507`.
  public static func text(_ bytes: Int) -> String {
    guard bytes > 0 else { return "0" }
    guard let unit = units.first(where: { bytes.isMultiple(of: $0.bytes) }), unit.bytes > 1 else {
      return "\(bytes)"
    }
    return "\(bytes / unit.bytes)\(unit.name)"
  }
}
