/// What no text of the repository says, and what traps must say.
enum Words {
  // Put together here, so that this file keeps the rule.
  private static let notes: Set<String> = ["TO" + "DO", "FIX" + "ME", "X" + "XX", "HA" + "CK"]
  private static let homes = ["Users", "home", "root", "work"].map { "/" + $0 + "/" }

  /// Notes of work that is left, and paths of somebody's machine.
  static func faults(in file: SourceFile) -> [Fault] {
    file.lines.enumerated().flatMap { index, line -> [Fault] in
      var faults: [Fault] = []
      func report(_ message: String) {
        faults.append(Fault(path: file.path, line: index + 1, message: message))
      }
      for note in notes where line.contains(note) {
        let words = line.split { !$0.isLetter && !$0.isNumber && $0 != "_" }
        if words.contains(Substring(note)) { report("\(note): do it, or open an issue") }
      }
      for home in homes where startsPath(home, in: line) {
        report("\(home)… is a path of one machine; use one relative to the repository")
      }
      return faults
    }
  }

  /// Whether a path begins with this folder, not only contains it.
  private static func startsPath(_ folder: String, in line: Substring) -> Bool {
    line.ranges(of: folder).contains { range in
      guard range.lowerBound > line.startIndex else { return true }
      let before = line[line.index(before: range.lowerBound)]
      return !before.isLetter && !before.isNumber && !"._-}/~*".contains(before)
    }
  }

  /// Traps whose sentence does not say whose fault it is.
  static func trapFaults(in file: SourceFile) -> [Fault] {
    let bytes = Array(file.text.utf8)
    return SwiftCode(file.text).words.compactMap { word in
      guard word.text == "fatalError" || word.text == "preconditionFailure",
        word.after == UInt8(ascii: "(")
      else { return nil }
      let sentence = bytes[word.start...].drop { $0 != UInt8(ascii: "(") }.dropFirst()
        .drop { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\n") }
      if sentence.starts(with: "\"BUG:".utf8) || sentence.starts(with: "\"FATAL:".utf8) {
        return nil
      }
      return Fault(
        path: file.path, line: word.line,
        message: "\(word.text) begins with BUG: (our fault) or FATAL: (the world's)")
    }
  }
}
