internal import Wire

/// The texts that a field may hold, read exactly.
enum FieldText {
  static let integerRule =
    "a whole number from -9223372036854775807 to 9223372036854775807, without fraction or exponent"
  static let timeRule =
    "a time such as 2026-01-31T23:59:59.999Z or 2026-01-31T23:59:59+02:00, or whole milliseconds "
    + "since 1970-01-01T00:00:00Z, up to 9999-12-31T23:59:59.999Z"
  static let uuidRule =
    "32 hexadecimal digits, or a UUID such as 0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b"

  /// The whole span as UTF-8 text.
  static func text(_ bytes: Span<UInt8>, field: String) throws(InputFault) -> String {
    guard let valid = try? UTF8Span(validating: bytes) else {
      throw InputFault(field, found: bytes, allowed: "UTF-8 text")
    }
    return String(copying: valid)
  }

  /// `-?(0|[1-9][0-9]*)`, the grammar of JSON integers, within ±(2⁶³ − 1).
  static func integer(_ bytes: Span<UInt8>, field: String) throws(InputFault) -> Int64 {
    let isNegative = bytes.count > 0 && bytes[0] == UInt8(ascii: "-")
    let first = isNegative ? 1 : 0
    guard bytes.count > first, bytes[first] != UInt8(ascii: "0") || bytes.count == first + 1 else {
      throw InputFault(field, found: bytes, allowed: integerRule)
    }
    // Summed as a negative number would admit −2⁶³, which is outside the range.
    var value: Int64 = 0
    for index in first..<bytes.count {
      let digit = bytes[index] &- UInt8(ascii: "0")
      let (tens, overflowTimes) = value.multipliedReportingOverflow(by: 10)
      let (sum, overflowPlus) = tens.addingReportingOverflow(Int64(digit))
      guard digit <= 9, !overflowTimes, !overflowPlus else {
        throw InputFault(field, found: bytes, allowed: integerRule)
      }
      value = sum
    }
    return isNegative ? -value : value
  }

  /// A time as `Timestamp.init(rfc3339:)` takes it, or whole milliseconds since 1970.
  static func time(_ bytes: Span<UInt8>, field: String) throws(InputFault) -> Timestamp {
    if let time = Timestamp(rfc3339: bytes) { return time }
    guard let milliseconds = try? integer(bytes, field: field), milliseconds >= 0,
      milliseconds <= Timestamp.latest.milliseconds
    else { throw InputFault(field, found: bytes, allowed: timeRule) }
    return Timestamp(milliseconds: milliseconds)
  }

  /// 16 bytes as 32 hexadecimal digits, or as a UUID in groups of 8-4-4-4-12; else nil.
  static func uuid(_ bytes: Span<UInt8>) -> UInt128? {
    let isGrouped = bytes.count == 36
    guard isGrouped || bytes.count == 32 else { return nil }
    // The first byte of the text is the first byte of the key, which is the lowest of the value.
    var words: (first: UInt64, second: UInt64) = (0, 0)
    var count = 0
    for index in bytes.indices {
      if isGrouped, index == 8 || index == 13 || index == 18 || index == 23 {
        guard bytes[index] == UInt8(ascii: "-") else { return nil }
        continue
      }
      guard let digit = hexadecimalDigit(bytes[index]) else { return nil }
      if count < 16 {
        words.first = words.first << 4 | UInt64(digit)
      } else {
        words.second = words.second << 4 | UInt64(digit)
      }
      count += 1
    }
    return UInt128(words.second.byteSwapped) << 64 | UInt128(words.first.byteSwapped)
  }

  /// 16 bytes as ``uuid(_:)`` reads them.
  static func uuid(_ bytes: Span<UInt8>, field: String) throws(InputFault) -> UInt128 {
    guard let value = uuid(bytes) else { throw InputFault(field, found: bytes, allowed: uuidRule) }
    return value
  }

  static func hexadecimalDigit(_ byte: UInt8) -> UInt8? {
    switch byte {
    case 0x30...0x39: byte - 0x30
    case 0x41...0x46: byte - 0x41 + 10
    case 0x61...0x66: byte - 0x61 + 10
    default: nil
    }
  }
}
