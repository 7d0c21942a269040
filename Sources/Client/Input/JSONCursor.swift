/// Reads the tokens of one line of JSON from left to right (RFC 8259), without building a tree.
struct JSONCursor: ~Escapable {
  private let bytes: Span<UInt8>
  private var offset = 0

  @_lifetime(copy bytes)
  init(_ bytes: Span<UInt8>) { self.bytes = bytes }

  /// Skips space and says whether the line is over.
  mutating func isAtEnd() -> Bool {
    skipSpace()
    return offset == bytes.count
  }

  /// Skips space, and this character if it is next.
  mutating func take(_ character: Unicode.Scalar) -> Bool {
    skipSpace()
    guard offset < bytes.count, bytes[offset] == UInt8(ascii: character) else { return false }
    offset += 1
    return true
  }

  /// Skips space and one of `characters`, which must be next.
  mutating func expect(_ character: Unicode.Scalar, or allowed: String) throws(InputFault) {
    guard take(character) else { throw fault(allowed: allowed) }
  }

  /// Whether a text is next.
  mutating func isAtText() -> Bool {
    skipSpace()
    return offset < bytes.count && bytes[offset] == UInt8(ascii: "\"")
  }

  /// The text that is next, with its escapes resolved.
  mutating func text(field: String) throws(InputFault) -> String {
    guard isAtText() else { throw value(field, allowed: "text in quotation marks") }
    offset += 1
    let start = offset
    while offset < bytes.count {
      switch bytes[offset] {
      case UInt8(ascii: "\""):
        offset += 1
        return try FieldText.text(bytes.extracting(start..<(offset - 1)), field: field)
      case UInt8(ascii: "\\"):
        return try escapedText(from: start, field: field)
      case 0..<0x20:
        throw fault(allowed: "an escape such as \\n for a control character")
      default: offset += 1
      }
    }
    throw fault(allowed: "the quotation mark that ends \(field)")
  }

  /// The name of a member that is next, as it stands: a name with escapes equals no known name.
  @_lifetime(copy self)
  mutating func name() throws(InputFault) -> Span<UInt8> {
    guard isAtText() else { throw fault(allowed: "the name of a member in quotation marks") }
    let start = offset + 1
    var end = start
    while end < bytes.count, bytes[end] != UInt8(ascii: "\"") { end += 1 }
    guard end < bytes.count else {
      throw fault(allowed: "the quotation mark that ends the name of a member")
    }
    offset = end + 1
    return bytes.extracting(start..<end)
  }

  /// The number that is next, as it stands.
  @_lifetime(copy self)
  mutating func number(field: String, allowed: String) throws(InputFault) -> Span<UInt8> {
    skipSpace()
    let start = offset
    while offset < bytes.count, Self.isPartOfNumber(bytes[offset]) { offset += 1 }
    guard offset > start else { throw value(field, allowed: allowed) }
    return bytes.extracting(start..<offset)
  }

  /// A fault at the byte that is next.
  func fault(allowed: String) -> InputFault {
    let found = InputFault.excerpt(bytes.extracting(offset..<min(offset + 12, bytes.count)))
    return InputFault("JSON, byte \(offset + 1)", found: found, allowed: allowed)
  }

  /// A fault of a field whose value is next and has the wrong type.
  private func value(_ field: String, allowed: String) -> InputFault {
    var end = offset
    while end < bytes.count, bytes[end] != UInt8(ascii: ","), bytes[end] != UInt8(ascii: "}") {
      end += 1
    }
    return InputFault(field, found: bytes.extracting(offset..<end), allowed: allowed)
  }

  private mutating func skipSpace() {
    while offset < bytes.count {
      switch bytes[offset] {
      case 0x20, 0x09, 0x0A, 0x0D: offset += 1
      default: return
      }
    }
  }

  private static func isPartOfNumber(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x30...0x39, UInt8(ascii: "-"), UInt8(ascii: "+"), UInt8(ascii: "."), UInt8(ascii: "e"),
      UInt8(ascii: "E"):
      true
    default: false
    }
  }
}

extension JSONCursor {
  /// The rest of a text whose first escape is next.
  private mutating func escapedText(from start: Int, field: String) throws(InputFault) -> String {
    var text: [UInt8] = []
    for index in start..<offset { text.append(bytes[index]) }
    while offset < bytes.count {
      let byte = bytes[offset]
      switch byte {
      case UInt8(ascii: "\""):
        offset += 1
        return try FieldText.text(text.span, field: field)
      case UInt8(ascii: "\\"): try appendEscape(to: &text)
      case 0..<0x20: throw fault(allowed: "an escape such as \\n for a control character")
      default:
        text.append(byte)
        offset += 1
      }
    }
    throw fault(allowed: "the quotation mark that ends \(field)")
  }

  private mutating func appendEscape(to text: inout [UInt8]) throws(InputFault) {
    let rule = "one of the escapes \\\" \\\\ \\/ \\b \\f \\n \\r \\t \\uXXXX"
    guard offset + 1 < bytes.count else { throw fault(allowed: rule) }
    let plain: UInt8
    switch bytes[offset + 1] {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): plain = bytes[offset + 1]
    case UInt8(ascii: "b"): plain = 0x08
    case UInt8(ascii: "f"): plain = 0x0C
    case UInt8(ascii: "n"): plain = 0x0A
    case UInt8(ascii: "r"): plain = 0x0D
    case UInt8(ascii: "t"): plain = 0x09
    case UInt8(ascii: "u"): return try appendUnicodeEscape(to: &text)
    default: throw fault(allowed: rule)
    }
    text.append(plain)
    offset += 2
  }

  private mutating func appendUnicodeEscape(to text: inout [UInt8]) throws(InputFault) {
    let pairRule = "\\u with four hexadecimal digits, surrogates only in pairs"
    guard let first = codeUnit(at: offset) else { throw fault(allowed: pairRule) }
    var scalar = Unicode.Scalar(UInt32(first))
    var length = 6
    if scalar == nil, first < 0xDC00, let second = codeUnit(at: offset + 6),
      (0xDC00...0xDFFF).contains(second)
    {
      scalar = Unicode.Scalar(0x10000 + (UInt32(first - 0xD800) << 10 | UInt32(second - 0xDC00)))
      length = 12
    }
    guard let scalar else { throw fault(allowed: pairRule) }
    text.append(contentsOf: UTF8.encode(scalar).map { Array($0) } ?? [])
    offset += length
  }

  /// The four digits of the `\uXXXX` that begins at `index`.
  private func codeUnit(at index: Int) -> UInt16? {
    guard index + 6 <= bytes.count, bytes[index] == UInt8(ascii: "\\"),
      bytes[index + 1] == UInt8(ascii: "u")
    else { return nil }
    var unit: UInt16 = 0
    for position in (index + 2)..<(index + 6) {
      guard let digit = FieldText.hexadecimalDigit(bytes[position]) else { return nil }
      unit = unit << 4 | UInt16(digit)
    }
    return unit
  }
}
