/// How long files, functions and lines may be.
enum Lengths {
  /// No file is as long as this.
  static let file = 800
  /// Nine files in ten are shorter than this.
  static let usualFile = 400
  /// The median file is no longer than this.
  static let medianFile = 150
  /// No function is as long as this.
  static let function = 70
  /// The most characters in a line.
  static let line = 100

  /// Files, all taken together.
  static func faults(ofLengths files: [(path: String, lines: Int)]) -> [Fault] {
    let sorted = files.sorted { $0.lines < $1.lines }
    guard let longest = sorted.last else { return [] }
    var faults = sorted.filter { $0.lines >= file }.map {
      Fault(path: $0.path, message: "\($0.lines) lines; cut it by topic, to less than \(file)")
    }
    let long = sorted.filter { $0.lines >= usualFile }
    if long.count * 10 > sorted.count {
      faults.append(
        Fault(
          path: longest.path,
          message: "\(long.count) of \(sorted.count) files have \(usualFile) lines or more, which "
            + "is more than one in ten"))
    }
    let median = sorted[sorted.count / 2].lines
    if median > medianFile {
      faults.append(
        Fault(path: "Sources", message: "the median file has \(median) lines, not \(medianFile)"))
    }
    return faults
  }

  /// Lines of one file that are too long.
  static func lineFaults(in file: SourceFile) -> [Fault] {
    file.lines.enumerated().compactMap { index, text in
      guard text.utf8.count > line, text.count > line else { return nil }
      return Fault(
        path: file.path, line: index + 1, message: "\(text.count) columns; at most \(line)")
    }
  }

  /// Functions, initialisers and deinitialisers of one file that are too long.
  static func functionFaults(in file: SourceFile) -> [Fault] {
    let code = SwiftCode(file.text)
    return code.words.compactMap { word in
      guard let lines = lineCount(ofFunctionAt: word, in: code.bytes), lines >= function else {
        return nil
      }
      return Fault(
        path: file.path, line: word.line,
        message: "a function of \(lines) lines; less than \(function) are allowed")
    }
  }

  /// The lines from a function's name to its last brace; nil if none begins at this word.
  private static func lineCount(ofFunctionAt word: SwiftCode.Word, in bytes: [UInt8]) -> Int? {
    switch word.text {
    case "func", "deinit": break
    case "init":
      let isCalled = word.before == UInt8(ascii: ".")
      let opens = [UInt8(ascii: "("), UInt8(ascii: "<"), UInt8(ascii: "?")].contains(word.after)
      guard opens, !isCalled else { return nil }
    default: return nil
    }
    var lines = 1
    var nesting = 0
    var braces = 0
    for byte in bytes[word.start...] {
      switch byte {
      case UInt8(ascii: "\n"): lines += 1
      case UInt8(ascii: "("), UInt8(ascii: "["): nesting += 1
      case UInt8(ascii: ")"), UInt8(ascii: "]"): nesting -= 1
      case UInt8(ascii: "{") where nesting == 0 || braces > 0: braces += 1
      case UInt8(ascii: "}") where nesting == 0 || braces > 0:
        braces -= 1
        // Below 0: a requirement of a protocol, which has no body.
        if braces <= 0 { return braces == 0 ? lines : nil }
      default: break
      }
    }
    return nil
  }
}
