/// Files are named after what they hold.
enum Names {
  private static let empty: Set<String> = [
    "Util", "Utils", "Utility", "Utilities", "Helper", "Helpers", "Extension", "Extensions",
    "Misc", "Common",
  ]

  /// Names that say nothing.
  static func faults(inPath path: String) -> [Fault] {
    path.split(separator: "/").flatMap { part in
      words(of: part).filter { empty.contains($0) }.map {
        Fault(path: path, message: "\($0) says nothing; name what it holds")
      }
    }
  }

  /// What lies at the top and should not.
  static func faults(atTop names: [String]) -> [Fault] {
    names.filter { !$0.hasPrefix(".") && !House.topNames.contains($0) }.map {
      Fault(
        path: $0, message: "the top holds only \(House.topNames.sorted().joined(separator: ", "))")
    }
  }

  /// Folders that are not in the drawing, or not in the manifest, and so not built.
  static func faults(
    ofSources sources: [String], tests: [String], manifest: String
  ) -> [Fault] {
    var faults: [Fault] = []
    for name in sources where House.arrows[name] == nil {
      faults.append(Fault(path: "Sources/\(name)", message: "is not drawn in the house"))
    }
    for name in tests where !House.wholeTests.contains(name) {
      let module = name.hasSuffix("Tests") ? String(name.dropLast(5)) : name
      if House.arrows[module] == nil {
        faults.append(Fault(path: "Tests/\(name)", message: "is not named after a module"))
      }
    }
    let built =
      sources.map { ("Sources", $0) } + tests.filter { $0 != "Fuzz" }.map { ("Tests", $0) }
    for (folder, name) in built where !manifest.contains("\"\(name)\"") {
      faults.append(Fault(path: "\(folder)/\(name)", message: "is no target of Package.swift"))
    }
    return faults
  }

  /// The words of a name in camel case.
  private static func words(of name: Substring) -> [String] {
    var words: [String] = []
    for character in name {
      if character.isUppercase || !character.isLetter || words.isEmpty { words.append("") }
      words[words.count - 1].append(character)
    }
    return words
  }
}
