/// Writes the fixed-width fields of a calendar text.
struct CalendarWriter {
  private(set) var bytes: [UInt8] = []

  /// Appends a number from 0 to 10^width − 1 with leading zeros.
  mutating func append(_ number: Int, width: Int) {
    var divisor = 1
    for _ in 1..<width { divisor *= 10 }
    while divisor > 0 {
      bytes.append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: number / divisor % 10))
      divisor /= 10
    }
  }

  /// Appends one ASCII character.
  mutating func append(_ character: Unicode.Scalar) {
    bytes.append(UInt8(ascii: character))
  }

  /// The text.
  var text: String { String(decoding: bytes, as: UTF8.self) }
}

/// Reads the fixed-width fields of a calendar text; every read says whether the text had it.
struct CalendarReader {
  private let bytes: [UInt8]
  private var offset = 0

  init(_ text: String) {
    bytes = Array(text.utf8)
  }

  /// Whether everything was read.
  var isAtEnd: Bool { offset == bytes.count }

  /// Reads exactly `width` digits.
  mutating func number(width: Int) -> Int? {
    guard bytes.count - offset >= width else { return nil }
    var number = 0
    for byte in bytes[offset..<offset + width] {
      guard let digit = CalendarReader.digit(byte) else { return nil }
      number = number * 10 + digit
    }
    offset += width
    return number
  }

  /// Reads one to three digits after a decimal point, as thousandths.
  mutating func thousandths() -> Int? {
    var number = 0
    var unit = 1_000
    while offset < bytes.count, let digit = CalendarReader.digit(bytes[offset]) {
      unit /= 10
      guard unit > 0 else { return nil }
      number += digit * unit
      offset += 1
    }
    return unit < 1_000 ? number : nil
  }

  /// Reads one given ASCII character if it stands next.
  mutating func skip(_ character: Unicode.Scalar) -> Bool {
    guard offset < bytes.count, bytes[offset] == UInt8(ascii: character) else { return false }
    offset += 1
    return true
  }

  private static func digit(_ byte: UInt8) -> Int? {
    (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) ? Int(byte - UInt8(ascii: "0")) : nil
  }
}

extension BillingPeriod {
  /// The period as text, such as `2026-01`.
  public var text: String {
    var writer = CalendarWriter()
    writer.append(year, width: 4)
    writer.append("-")
    writer.append(monthOfYear, width: 2)
    return writer.text
  }

  /// The period that a text such as `2026-01` names.
  ///
  /// - Throws: ``CalendarError/notABillingPeriod(_:)`` for any other form and for a month outside
  ///   1970-01 to 9999-12.
  public init(parsing text: String) throws(CalendarError) {
    var reader = CalendarReader(text)
    guard let year = reader.number(width: 4), reader.skip("-"),
      let month = reader.number(width: 2), reader.isAtEnd,
      let period = BillingPeriod(year: year, month: month)
    else { throw .notABillingPeriod(text) }
    self = period
  }
}
