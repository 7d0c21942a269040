/// Reads a time from text of fixed shape, byte by byte.
struct TimeReader: ~Escapable {
  private let bytes: Span<UInt8>
  private var offset = 0

  @_lifetime(copy bytes)
  init(_ bytes: Span<UInt8>) { self.bytes = bytes }

  /// `2026-01-31T23:59:59.999+02:00`, filling the whole span, or nil.
  mutating func rfc3339() -> Timestamp? {
    var civil = CivilTime()
    guard let year = number(digits: 4), take("-"), let month = number(digits: 2), take("-"),
      let day = number(digits: 2), take("T") || take("t") || take(" "), timeOfDay(&civil)
    else { return nil }
    civil.year = year
    civil.month = month
    civil.day = day
    if take(".") {
      guard let milliseconds = fraction() else { return nil }
      civil.millisecond = milliseconds
    }
    if !take("Z"), !take("z") {
      guard zone(&civil) else { return nil }
    }
    return offset == bytes.count ? civil.timestamp : nil
  }

  /// `31/Jan/2026:23:59:59 +0200`, filling the whole span, or nil.
  mutating func accessLog() -> Timestamp? {
    var civil = CivilTime()
    guard let day = number(digits: 2), take("/"), let month = monthName(), take("/"),
      let year = number(digits: 4), take(":"), timeOfDay(&civil), take(" "), zone(&civil)
    else { return nil }
    civil.year = year
    civil.month = month
    civil.day = day
    return offset == bytes.count ? civil.timestamp : nil
  }

  private mutating func timeOfDay(_ civil: inout CivilTime) -> Bool {
    guard let hour = number(digits: 2), take(":"), let minute = number(digits: 2), take(":"),
      let second = number(digits: 2)
    else { return false }
    civil.hour = hour
    civil.minute = minute
    civil.second = second
    return true
  }

  private mutating func zone(_ civil: inout CivilTime) -> Bool {
    let isWest = take("-")
    guard isWest || take("+"), let hours = number(digits: 2) else { return false }
    _ = take(":")
    guard let minutes = number(digits: 2), hours <= 23, minutes <= 59 else { return false }
    civil.offsetMinutes = (hours * 60 + minutes) * (isWest ? -1 : 1)
    return true
  }

  /// One digit or more, as milliseconds.
  private mutating func fraction() -> Int? {
    var milliseconds = 0
    var weight = 100
    let start = offset
    while offset < bytes.count, case let digit = bytes[offset] &- UInt8(ascii: "0"), digit <= 9 {
      milliseconds += Int(digit) * weight
      weight /= 10
      offset += 1
    }
    return offset > start ? milliseconds : nil
  }

  private mutating func number(digits: Int) -> Int? {
    guard bytes.count - offset >= digits else { return nil }
    var value = 0
    for index in offset..<(offset + digits) {
      let digit = bytes[index] &- UInt8(ascii: "0")
      guard digit <= 9 else { return nil }
      value = value * 10 + Int(digit)
    }
    offset += digits
    return value
  }

  private mutating func monthName() -> Int? {
    guard bytes.count - offset >= 3 else { return nil }
    let letters = (bytes[offset], bytes[offset + 1], bytes[offset + 2])
    offset += 3
    let names: StaticString = "JanFebMarAprMayJunJulAugSepOctNovDec"
    return names.withUTF8Buffer { table in
      for month in 0..<12 {
        let name = unsafe (table[month * 3], table[month * 3 + 1], table[month * 3 + 2])
        if name == letters { return month + 1 }
      }
      return nil
    }
  }

  private mutating func take(_ character: Unicode.Scalar) -> Bool {
    guard offset < bytes.count, bytes[offset] == UInt8(ascii: character) else { return false }
    offset += 1
    return true
  }
}
