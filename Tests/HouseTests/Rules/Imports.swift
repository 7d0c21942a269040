/// Imports follow the arrows of the house.
enum Imports {
  /// One import.
  struct Line: Equatable {
    var module: String
    var isPublic: Bool
    var line: Int
  }

  private static let modifiers: Set<String> = [
    "public", "package", "internal", "fileprivate", "private", "testable", "preconcurrency",
    "_exported", "_implementationOnly", "unsafe",
  ]

  /// The imports of a source, `import struct Module.Name` among them.
  static func lines(of text: String) -> [Line] {
    let words = SwiftCode(text).words
    return words.indices.compactMap { index in
      guard words[index].text == "import", index + 1 < words.count else { return nil }
      var first = index
      while first > 0, modifiers.contains(words[first - 1].text),
        words[first - 1].line == words[index].line
      { first -= 1 }
      // `import` as a name or label stands after something else on its line.
      if first > 0, words[first - 1].line == words[index].line { return nil }
      let kinds: Set = ["struct", "class", "enum", "protocol", "func", "var", "let", "typealias"]
      let isOneName = kinds.contains(words[index + 1].text) && index + 2 < words.count
      return Line(
        module: words[index + (isOneName ? 2 : 1)].text,
        isPublic: words[first..<index].contains { $0.text == "public" || $0.text == "_exported" },
        line: words[index].line)
    }
  }

  /// The arrows of one file that are not drawn.
  static func faults(in file: SourceFile) -> [Fault] {
    let isSource = file.path.hasPrefix("Sources/")
    let target = file.target ?? ""
    return lines(of: file.text).compactMap { found in
      func fault(_ message: String) -> Fault {
        Fault(path: file.path, line: found.line, message: message)
      }
      if let owner = House.owners[found.module] {
        if owner != target {
          return fault("imports \(found.module); only \(owner) may, so use \(owner)")
        }
        if found.isPublic {
          return fault("\(found.module) must not reach a public signature: internal import")
        }
      }
      guard isSource, let allowed = House.arrows[target] else { return nil }
      if allowed.contains(found.module) { return nil }
      let list = allowed.isEmpty ? "nothing" : allowed.sorted().joined(separator: ", ")
      return fault("\(target) imports \(found.module), which is not drawn; it may import \(list)")
    }
  }
}
