/// A JSON value with one form in bytes: that of RFC 8785 (JCS), restricted to whole numbers.
///
/// No white space; members in the order of their names' UTF-16 code units; text escaped only where
/// it must be; numbers from −(2⁵³ − 1) to 2⁵³ − 1 in decimal. What may be larger is text.
indirect enum CanonicalJSON: Sendable {
  /// Members by name. Texts that Unicode calls equivalent are different names.
  case object([Member])
  case array([CanonicalJSON])
  case text(String)
  /// The digits of a number, with a sign if it is negative.
  case number(String)
  case boolean(Bool)
  case null

  /// A member of an object.
  struct Member: Sendable {
    var name: String
    var value: CanonicalJSON

    init(_ name: String, _ value: CanonicalJSON) {
      self.name = name
      self.value = value
    }
  }

  /// The largest number; beyond it readers that use floating point are not exact.
  static let largestNumber: UInt64 = 1 << 53 - 1

  /// A whole number, as text if it is too large for a number.
  static func integer(_ value: some BinaryInteger) -> CanonicalJSON {
    value.magnitude <= largestNumber ? .number(String(value)) : .text(String(value))
  }

  /// A member's value; nil if this is no object, or has no such member.
  subscript(_ name: String) -> CanonicalJSON? {
    guard case .object(let members) = self else { return nil }
    return members.first { $0.name.utf8.elementsEqual(name.utf8) }?.value
  }

  /// The text, nil for any other value.
  var text: String? {
    if case .text(let text) = self { text } else { nil }
  }

  /// The elements, nil for any other value.
  var elements: [CanonicalJSON]? {
    if case .array(let elements) = self { elements } else { nil }
  }

  /// The same value with every number as text, so that no reader loses digits.
  var withNumbersAsText: CanonicalJSON {
    switch self {
    case .number(let digits): .text(digits)
    case .array(let elements): .array(elements.map(\.withNumbersAsText))
    case .object(let members):
      .object(members.map { Member($0.name, $0.value.withNumbersAsText) })
    case .text, .boolean, .null: self
    }
  }

  /// The one form in bytes; nil if it has none: a number that is not whole, too large or not in its
  /// shortest form, or two members of one name.
  var canonicalBytes: [UInt8]? {
    var bytes: [UInt8] = []
    return append(to: &bytes) ? bytes : nil
  }

  private func append(to bytes: inout [UInt8]) -> Bool {
    switch self {
    case .object(let members): return Self.append(members, to: &bytes)
    case .array(let elements):
      bytes.append(UInt8(ascii: "["))
      for (index, element) in elements.enumerated() {
        if index > 0 { bytes.append(UInt8(ascii: ",")) }
        guard element.append(to: &bytes) else { return false }
      }
      bytes.append(UInt8(ascii: "]"))
    case .text(let text): Self.append(text, to: &bytes)
    case .number(let digits):
      guard let value = Int64(digits), value.magnitude <= Self.largestNumber,
        String(value) == digits
      else { return false }
      bytes += digits.utf8
    case .boolean(let value): bytes += (value ? "true" : "false").utf8
    case .null: bytes += "null".utf8
    }
    return true
  }

  private static func append(_ members: [Member], to bytes: inout [UInt8]) -> Bool {
    let sorted = members.sorted { $0.name.utf16.lexicographicallyPrecedes($1.name.utf16) }
    bytes.append(UInt8(ascii: "{"))
    for (index, member) in sorted.enumerated() {
      if index > 0 {
        if sorted[index - 1].name.utf8.elementsEqual(member.name.utf8) { return false }
        bytes.append(UInt8(ascii: ","))
      }
      append(member.name, to: &bytes)
      bytes.append(UInt8(ascii: ":"))
      guard member.value.append(to: &bytes) else { return false }
    }
    bytes.append(UInt8(ascii: "}"))
    return true
  }

  /// Text as RFC 8785 writes it: the short escapes, `\u00xx` for other controls, and every other
  /// character as it is.
  private static func append(_ text: String, to bytes: inout [UInt8]) {
    bytes.append(UInt8(ascii: "\""))
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "\""): bytes += "\\\"".utf8
      case UInt8(ascii: "\\"): bytes += "\\\\".utf8
      case 0x08: bytes += "\\b".utf8
      case 0x09: bytes += "\\t".utf8
      case 0x0A: bytes += "\\n".utf8
      case 0x0C: bytes += "\\f".utf8
      case 0x0D: bytes += "\\r".utf8
      case 0..<0x20:
        let digits = String(byte, radix: 16)
        bytes += ("\\u00" + (byte < 16 ? "0" : "") + digits).utf8
      default: bytes.append(byte)
      }
    }
    bytes.append(UInt8(ascii: "\""))
  }
}
