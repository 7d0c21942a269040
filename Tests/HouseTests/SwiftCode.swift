/// Swift source without its comments and without what its string literals say.
///
/// Everything that is left out became a space, so places stay what they were. Regex literals are
/// taken for code.
struct SwiftCode {
  /// A word of the code: a keyword or a name.
  struct Word {
    let text: String
    /// Its line, from 1.
    let line: Int
    /// The next byte before it that is no space; 0 at the beginning.
    let before: UInt8
    /// The next byte after it that is no space; 0 at the end.
    let after: UInt8
    /// Where its bytes begin.
    let start: Int
  }

  /// The bytes that are left.
  private(set) var bytes: [UInt8]

  /// What a byte belongs to.
  private enum Place {
    /// Code; inside an interpolation, the number of its open parentheses.
    case code(parentheses: Int)
    case lineComment
    case blockComment
    case string(hashes: Int, isMultiline: Bool)
  }

  /// Reads a source. Linear in its length.
  init(_ text: String) {
    bytes = Array(text.utf8)
    var places: [Place] = [.code(parentheses: 0)]
    var index = 0
    while index < bytes.count {
      switch places[places.count - 1] {
      case .code: index = skipCode(index, &places)
      case .lineComment:
        if bytes[index] == UInt8(ascii: "\n") { places.removeLast() } else { blank(index) }
        index += 1
      case .blockComment: index = skipComment(index, &places)
      case .string: index = skipString(index, &places)
      }
    }
  }

  /// The words, in order.
  var words: [Word] {
    var words: [Word] = []
    var line = 1
    var before: UInt8 = 0
    var index = 0
    while index < bytes.count {
      let byte = bytes[index]
      guard Self.isWord(byte) else {
        if byte == UInt8(ascii: "\n") { line += 1 }
        if !Self.isSpace(byte) { before = byte }
        index += 1
        continue
      }
      let end = bytes[index...].firstIndex { !Self.isWord($0) } ?? bytes.count
      let after = bytes[end...].first { !Self.isSpace($0) } ?? 0
      words.append(
        Word(
          text: String(decoding: bytes[index..<end], as: UTF8.self), line: line, before: before,
          after: after, start: index))
      before = bytes[end - 1]
      index = end
    }
    return words
  }

  private mutating func skipCode(_ index: Int, _ places: inout [Place]) -> Int {
    if starts("//", index) {
      places.append(.lineComment)
      return index
    }
    if starts("/*", index) {
      blank(index, 2)
      places.append(.blockComment)
      return index + 2
    }
    let hashes = count(of: UInt8(ascii: "#"), from: index)
    if starts("\"", index + hashes) {
      let isMultiline = starts("\"\"\"", index + hashes)
      places.append(.string(hashes: hashes, isMultiline: isMultiline))
      return index + hashes + (isMultiline ? 3 : 1)
    }
    guard case .code(var parentheses) = places.removeLast() else { return index + 1 }
    if bytes[index] == UInt8(ascii: "(") { parentheses += 1 }
    if bytes[index] == UInt8(ascii: ")") { parentheses -= 1 }
    // The parenthesis that ends an interpolation.
    if parentheses == 0, bytes[index] == UInt8(ascii: ")"), !places.isEmpty { return index + 1 }
    places.append(.code(parentheses: parentheses))
    return index + 1
  }

  private mutating func skipComment(_ index: Int, _ places: inout [Place]) -> Int {
    let isEnd = starts("*/", index)
    guard isEnd || starts("/*", index) else {
      blank(index)
      return index + 1
    }
    blank(index, 2)
    if isEnd { places.removeLast() } else { places.append(.blockComment) }
    return index + 2
  }

  private mutating func skipString(_ index: Int, _ places: inout [Place]) -> Int {
    guard case .string(let hashes, let isMultiline) = places[places.count - 1] else { return index }
    let quotes = isMultiline ? "\"\"\"" : "\""
    if starts(quotes, index), count(of: UInt8(ascii: "#"), from: index + quotes.count) >= hashes {
      places.removeLast()
      return index + quotes.count + hashes
    }
    if starts("\\", index), count(of: UInt8(ascii: "#"), from: index + 1) >= hashes {
      let escaped = index + 1 + hashes
      if starts("(", escaped) {
        places.append(.code(parentheses: 0))
        blank(index, 1 + hashes)
        return escaped
      }
      blank(index, 2 + hashes)
      return escaped + 1
    }
    blank(index)
    return index + 1
  }

  private mutating func blank(_ index: Int, _ count: Int = 1) {
    for place in index..<min(index + count, bytes.count)
    where bytes[place] != UInt8(ascii: "\n") { bytes[place] = UInt8(ascii: " ") }
  }

  private func starts(_ text: String, _ index: Int) -> Bool {
    index < bytes.count && bytes[index...].starts(with: text.utf8)
  }

  private func count(of byte: UInt8, from index: Int) -> Int {
    var end = index
    while end < bytes.count, bytes[end] == byte { end += 1 }
    return end - index
  }

  private static func isWord(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), 0x80...:
      true
    default: false
    }
  }

  private static func isSpace(_ byte: UInt8) -> Bool {
    byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\n") || byte == UInt8(ascii: "\t")
  }
}
