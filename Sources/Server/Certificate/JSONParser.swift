/// What is wrong with a text that should be JSON, and where.
struct JSONFault: Error, Hashable, CustomStringConvertible {
  /// Bytes before the fault.
  var offset: Int
  /// What was expected.
  var expected: String

  var description: String { "at byte \(offset): expected \(expected)" }
}

/// Reads JSON (RFC 8259) of bounded depth without losing a digit: numbers stay text.
struct JSONParser {
  /// How deep values may stand in each other.
  static let maximumDepth = 32

  private let bytes: [UInt8]
  private var offset = 0

  /// Reads one value that takes all of the bytes, white space aside.
  ///
  /// - Throws: ``JSONFault``.
  static func parse(_ bytes: [UInt8]) throws(JSONFault) -> CanonicalJSON {
    var parser = JSONParser(bytes: bytes)
    let value = try parser.value(depth: 0)
    parser.skipSpace()
    guard parser.offset == bytes.count else { throw parser.fault("the end") }
    return value
  }

  private init(bytes: [UInt8]) { self.bytes = bytes }

  private func fault(_ expected: String) -> JSONFault {
    JSONFault(offset: offset, expected: expected)
  }

  private var next: UInt8? { offset < bytes.count ? bytes[offset] : nil }

  private mutating func skipSpace() {
    while let next, next == 0x20 || next == 0x0A || next == 0x0D || next == 0x09 { offset += 1 }
  }

  private mutating func take(_ character: Unicode.Scalar) -> Bool {
    skipSpace()
    guard next == UInt8(ascii: character) else { return false }
    offset += 1
    return true
  }

  private mutating func take(word: String) -> Bool {
    guard bytes[offset...].starts(with: word.utf8) else { return false }
    offset += word.utf8.count
    return true
  }

  private mutating func value(depth: Int) throws(JSONFault) -> CanonicalJSON {
    guard depth < Self.maximumDepth else {
      throw fault("no more than \(Self.maximumDepth) values in each other")
    }
    skipSpace()
    switch next {
    case UInt8(ascii: "{"): return .object(try members(depth: depth))
    case UInt8(ascii: "["): return .array(try elements(depth: depth))
    case UInt8(ascii: "\""): return .text(try text())
    case UInt8(ascii: "-"), .some(UInt8(ascii: "0")...UInt8(ascii: "9")):
      return .number(try number())
    default:
      if take(word: "true") { return .boolean(true) }
      if take(word: "false") { return .boolean(false) }
      if take(word: "null") { return .null }
      throw fault("a value")
    }
  }

  private mutating func members(depth: Int) throws(JSONFault) -> [CanonicalJSON.Member] {
    offset += 1
    var members: [CanonicalJSON.Member] = []
    if take("}") { return members }
    while true {
      skipSpace()
      let name = try text()
      guard take(":") else { throw fault("a colon") }
      members.append(.init(name, try value(depth: depth + 1)))
      if take("}") { return members }
      guard take(",") else { throw fault("a comma or the end of an object") }
    }
  }

  private mutating func elements(depth: Int) throws(JSONFault) -> [CanonicalJSON] {
    offset += 1
    var elements: [CanonicalJSON] = []
    if take("]") { return elements }
    while true {
      elements.append(try value(depth: depth + 1))
      if take("]") { return elements }
      guard take(",") else { throw fault("a comma or the end of an array") }
    }
  }

  private mutating func number() throws(JSONFault) -> String {
    let start = offset
    while let next,
      next == UInt8(ascii: "-") || next == UInt8(ascii: "+")
        || next == UInt8(ascii: ".") || next == UInt8(ascii: "e") || next == UInt8(ascii: "E")
        || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(next)
    { offset += 1 }
    return String(decoding: bytes[start..<offset], as: UTF8.self)
  }

  private mutating func text() throws(JSONFault) -> String {
    guard next == UInt8(ascii: "\"") else { throw fault("a text") }
    offset += 1
    var content: [UInt8] = []
    while let byte = next {
      switch byte {
      case UInt8(ascii: "\""):
        guard let text = String(validating: content, as: UTF8.self) else {
          throw fault("text in UTF-8")
        }
        offset += 1
        return text
      case UInt8(ascii: "\\"):
        offset += 1
        content += try escaped()
      case 0..<0x20: throw fault("no control character")
      default:
        content.append(byte)
        offset += 1
      }
    }
    throw fault("the end of a text")
  }

  private mutating func escaped() throws(JSONFault) -> [UInt8] {
    guard let byte = next else { throw fault("an escape") }
    offset += 1
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return [byte]
    case UInt8(ascii: "b"): return [0x08]
    case UInt8(ascii: "t"): return [0x09]
    case UInt8(ascii: "n"): return [0x0A]
    case UInt8(ascii: "f"): return [0x0C]
    case UInt8(ascii: "r"): return [0x0D]
    case UInt8(ascii: "u"):
      var code = try codeUnit()
      if (0xD800..<0xDC00).contains(code) {
        guard take(word: "\\u") else { throw fault("the other half of a surrogate pair") }
        let low = try codeUnit()
        guard (0xDC00..<0xE000).contains(low) else {
          throw fault("the other half of a surrogate pair")
        }
        code = 0x1_0000 + (code - 0xD800) << 10 + (low - 0xDC00)
      }
      guard let scalar = Unicode.Scalar(code) else { throw fault("a character") }
      return Array(String(Character(scalar)).utf8)
    default:
      offset -= 1
      throw fault("an escape")
    }
  }

  private mutating func codeUnit() throws(JSONFault) -> UInt32 {
    guard offset + 4 <= bytes.count else { throw fault("four hexadecimal digits") }
    var code: UInt32 = 0
    for byte in bytes[offset..<offset + 4] {
      guard let digit = Character(Unicode.Scalar(byte)).hexDigitValue else {
        throw fault("four hexadecimal digits")
      }
      code = code << 4 | UInt32(digit)
    }
    offset += 4
    return code
  }
}
