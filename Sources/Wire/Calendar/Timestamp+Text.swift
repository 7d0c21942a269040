extension Timestamp {
  /// The time as text in the form of RFC 3339 in UTC, such as `2026-01-05T14:00:00Z`, with
  /// milliseconds (`….250Z`) where they are not zero.
  ///
  /// RFC 3339 has no year before 0 or after 9999: such a time is given as its number of
  /// milliseconds, such as `-62167219200001 ms`.
  public var text: String {
    let dayLength: Int64 = 86_400_000
    guard (-62_167_219_200_000...Timestamp.latest.milliseconds).contains(milliseconds) else {
      return "\(milliseconds) ms"
    }
    let dayNumber = (milliseconds >= 0 ? milliseconds : milliseconds - (dayLength - 1)) / dayLength
    let date = CivilDate(dayNumber: Int32(truncatingIfNeeded: dayNumber))
    let inDay = Int(milliseconds - dayNumber * dayLength)
    var bytes: [UInt8] = []
    func append(_ number: Int, width: Int, then end: Unicode.Scalar) {
      var divisor = 1
      for _ in 1..<width { divisor *= 10 }
      while divisor > 0 {
        bytes.append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: number / divisor % 10))
        divisor /= 10
      }
      bytes.append(UInt8(ascii: end))
    }
    append(date.year, width: 4, then: "-")
    append(date.month, width: 2, then: "-")
    append(date.day, width: 2, then: "T")
    append(inDay / 3_600_000, width: 2, then: ":")
    append(inDay / 60_000 % 60, width: 2, then: ":")
    let isWhole = inDay % 1_000 == 0
    append(inDay / 1_000 % 60, width: 2, then: isWhole ? "Z" : ".")
    if !isWhole { append(inDay % 1_000, width: 3, then: "Z") }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// The time that a text in the form of RFC 3339, section 5.6, names.
  ///
  /// Such as `2026-01-31T23:59:59.999Z` or `2026-01-31T23:59:59+02:00`. As the RFC allows, `T` and
  /// `Z` may be small letters and a space may stand for `T`; as ISO 8601 has it, the colon of the
  /// offset may be left out. The offset itself may not. Digits of the fraction after the third are
  /// dropped. Second 60 counts as the beginning of the next minute, since the service's time has no
  /// leap seconds.
  ///
  /// - Returns: nil for any other form, for a date that does not exist, and for a time outside the
  ///   years 1970 to 9999 in UTC.
  public init?(rfc3339 text: Span<UInt8>) {
    var reader = TimeReader(text)
    guard let time = reader.rfc3339() else { return nil }
    self = time
  }

  /// The time that a text in the form of RFC 3339 names; see `init(rfc3339:)` of a span.
  public init?(rfc3339 text: String) {
    self.init(rfc3339: text.utf8Span.span)
  }

  /// The time that stands in brackets in a web server's access log (`%t` of Apache's log format).
  ///
  /// Such as `31/Jan/2026:23:59:59 +0200`.
  ///
  /// - Returns: nil for any other form, for a date that does not exist, and for a time outside the
  ///   years 1970 to 9999 in UTC.
  public init?(accessLog text: Span<UInt8>) {
    var reader = TimeReader(text)
    guard let time = reader.accessLog() else { return nil }
    self = time
  }
}
