import Metering
import Server
import Wire

/// Numbers as people read them.
enum NumberText {
  /// A whole number with commas between thousands: `-1,234,567`.
  static func grouped(_ number: some BinaryInteger) -> String {
    let digits = String(number.magnitude)
    var text = number < 0 ? "-" : ""
    for (index, digit) in digits.enumerated() {
      if index > 0, (digits.count - index).isMultiple(of: 3) { text.append(",") }
      text.append(digit)
    }
    return text
  }

  /// Bytes with a unit and one decimal, rounded down: `1.5 MiB`.
  static func bytes(_ count: some BinaryInteger) -> String {
    let units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"]
    var unit = 0
    var size: UInt64 = 1
    let magnitude = UInt64(clamping: count)
    while unit < units.count - 1, magnitude / size >= 1_024 {
      size *= 1_024
      unit += 1
    }
    guard unit > 0 else { return "\(magnitude) B" }
    return "\(magnitude / size).\(magnitude % size * 10 / size) \(units[unit])"
  }

  /// A figure with one decimal, rounded: `22.1`.
  static func tenths(_ figure: Double) -> String {
    let tenths = Int(clamping: Int64((figure * 10).rounded()))
    return "\(tenths / 10).\(tenths % 10)"
  }

  /// A share with one decimal, rounded: `0.9 %`.
  static func percent(_ share: Double) -> String { tenths(share * 100) + " %" }

  /// A number with what it counts: `1 row`, `2 rows`.
  static func count(_ number: some BinaryInteger, _ one: String, _ many: String? = nil) -> String {
    "\(grouped(number)) \(number == 1 ? one : many ?? one + "s")"
  }

  /// Milliseconds since 1970 as ISO 8601.
  static func time(_ milliseconds: Int64) -> String {
    Timestamp(milliseconds: milliseconds).text
  }
}
