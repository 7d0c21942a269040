/// A whole number in a range.
struct NumberFormat: SettingFormat {
  let range: ClosedRange<Int>
  /// What is counted, in the plural.
  let unit: String

  init(_ range: ClosedRange<Int>, of unit: String) {
    self.range = range
    self.unit = unit
  }

  var type: String { "number" }

  var allowed: String {
    "a whole number of \(unit) from \(range.lowerBound) to \(range.upperBound)"
  }

  func parse(_ text: String, relativeTo directory: String) throws(SettingMismatch) -> Int {
    guard text.utf8.allSatisfy({ (48...57).contains($0) }), let value = Int(text),
      range.contains(value)
    else { throw .notAllowed }
    return value
  }

  func text(_ value: Int) -> String { "\(value)" }
}

/// A size in bytes in a range.
struct SizeFormat: SettingFormat {
  let range: ClosedRange<Int>

  init(_ range: ClosedRange<Int>) { self.range = range }

  var type: String { "size" }

  var allowed: String {
    let (least, most) = (ByteSize.text(range.lowerBound), ByteSize.text(range.upperBound))
    return "a size from \(least) to \(most) in bytes, B, KiB, MiB, GiB or TiB"
  }

  func parse(_ text: String, relativeTo directory: String) throws(SettingMismatch) -> Int {
    guard let bytes = ByteSize.bytes(of: text), range.contains(bytes) else { throw .notAllowed }
    return bytes
  }

  func text(_ value: Int) -> String { ByteSize.text(value) }
}

/// A duration in a range.
struct DurationFormat: SettingFormat {
  let range: ClosedRange<Duration>

  init(_ range: ClosedRange<Duration>) { self.range = range }

  var type: String { "duration" }

  var allowed: String {
    let (least, most) = (range.lowerBound.text, range.upperBound.text)
    return "a duration from \(least) to \(most), such as 35d, 1h30m or 500ms"
  }

  func parse(_ text: String, relativeTo directory: String) throws(SettingMismatch) -> Duration {
    guard let duration = Duration(text: text), range.contains(duration) else { throw .notAllowed }
    return duration
  }

  func text(_ value: Duration) -> String { value.text }
}
