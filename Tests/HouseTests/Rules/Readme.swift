/// The README names only what is there.
enum Readme {
  /// Where the README's claims are looked up.
  struct World {
    /// Whether something lies at a path from the top.
    var exists: (String) -> Bool
    /// Whether it can be run.
    var isExecutable: (String) -> Bool
    /// The sources that declare commands.
    var commands: String
    /// The words of the sources that declare options, without points and hyphens, in small letters.
    var options: Set<String>

    /// Whether a subcommand is declared: by its name, or by a type of that name.
    func declares(command: String) -> Bool {
      let type = command.prefix(1).uppercased() + command.dropFirst()
      return commands.contains("commandName: \"\(command)\"")
        || commands.contains("struct \(type):")
    }

    /// Whether an option is declared: by a property, a name, or the key of a setting.
    func declares(option: String) -> Bool { options.contains(Self.plain(option)) }

    /// The words of a source as options are looked up by.
    static func optionWords(_ source: String) -> [String] {
      source.split { !$0.isLetter && !$0.isNumber && !".-".contains($0) }.map(plain)
    }

    private static func plain(_ name: some StringProtocol) -> String {
      String(name.filter { $0.isLetter || $0.isNumber }).lowercased()
    }
  }

  /// Scripts, commands, options and links that are not there.
  static func faults(in file: SourceFile, world: World) -> [Fault] {
    var faults: [Fault] = []
    var isBlock = false
    for (index, line) in file.lines.enumerated() {
      func report(_ message: String) {
        faults.append(Fault(path: file.path, line: index + 1, message: message))
      }
      if line.hasPrefix("```") {
        isBlock.toggle()
        continue
      }
      for link in links(in: line) where !link.contains("://") && !link.hasPrefix("#") {
        let path = String(link.prefix { $0 != "#" })
        if !world.exists(path) { report("links \(path), which is not there") }
      }
      for span in isBlock ? [line] : code(in: line) {
        for script in scripts(in: span) where !world.isExecutable(script) {
          report("names \(script), which cannot be run")
        }
        for unknown in unknownWords(in: span, world: world) {
          report("names \(unknown), which weighbridge does not know")
        }
      }
    }
    return faults
  }

  /// The targets of links in Markdown.
  private static func links(in line: Substring) -> [Substring] {
    line.ranges(of: "](").compactMap { range in
      let rest = line[range.upperBound...]
      return rest.firstIndex(of: ")").map { rest[..<$0] }
    }
  }

  /// What stands between single backticks.
  private static func code(in line: Substring) -> [Substring] {
    line.split(separator: "`", omittingEmptySubsequences: false).enumerated()
      .filter { $0.offset % 2 == 1 }.map(\.element)
  }

  private static func scripts(in span: Substring) -> [String] {
    span.split { " ;|&()".contains($0) }.filter {
      ($0.hasPrefix("Config/") && $0.hasSuffix(".sh")) || $0 == ".ci/run"
    }.map(String.init)
  }

  /// Subcommands and options of a command line that are not declared.
  private static func unknownWords(in span: Substring, world: World) -> [String] {
    var words = span.prefix { !"#|><".contains($0) }.split(separator: " ")
    if words.first == "$" { words.removeFirst() }
    guard let program = words.first, program == "weighbridge" || program.hasSuffix("/weighbridge")
    else { return [] }
    let arguments = words.dropFirst().map(String.init)
    // The second word is a subcommand only below those that have some.
    let groups: Set = ["config", "segments", "period", "quarantine", "clock", "jobs"]
    let depth = arguments.first.map { groups.contains($0) } == true ? 2 : 1
    let commands = arguments.prefix(depth).prefix { $0.allSatisfy(\.isLowercase) }
    let options = arguments.filter { $0.hasPrefix("--") }.map { $0.prefix { $0 != "=" } }
    return commands.filter { !world.declares(command: $0) }
      + options.map(String.init).filter { !world.declares(option: $0) }
  }
}
