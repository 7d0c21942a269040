/// One setting: everything that the loader, the faults, `config check` and the help know of it.
public struct Setting: Sendable {
  /// The key in the configuration file, with dots: `ingest.idleTimeout`.
  public let key: String
  /// The type in a word: duration, size, number, word, path, addresses, connection, table.
  public let type: String
  /// What is allowed, in words, with range and unit.
  public let allowed: String
  /// What it does, in one sentence.
  public let meaning: String
  /// What the configuration file may hold at its key.
  let shape: SettingShape
  /// Reads a text into a configuration; relative paths start from the directory.
  let assign:
    @Sendable (String, _ directory: String, inout ServerConfiguration) throws(SettingMismatch) ->
      Void
  /// The canonical text of its value, without secrets.
  let text: @Sendable (ServerConfiguration) -> String
  /// A short line of its value for people, without secrets.
  let summary: @Sendable (ServerConfiguration) -> String
  /// A text that was refused, without secrets.
  let shown: @Sendable (String) -> String

  init<Format: SettingFormat>(
    _ key: String, _ path: any WritableKeyPath<ServerConfiguration, Format.Value> & Sendable,
    _ format: Format, _ meaning: String
  ) {
    self.key = key
    self.meaning = meaning
    type = format.type
    allowed = format.allowed
    shape = format.shape
    assign = { (text, directory, configuration) throws(SettingMismatch) in
      configuration[keyPath: path] = try format.parse(text, relativeTo: directory)
    }
    text = { format.text($0[keyPath: path]) }
    summary = { format.summary($0[keyPath: path]) }
    shown = { format.shown($0) }
  }

  /// The value that holds where nothing is given, in a short line.
  public var defaultText: String { summary(ServerConfiguration()) }

  /// The environment variable: `WEIGHBRIDGE_INGEST_IDLE_TIMEOUT`.
  public var environmentName: String {
    Self.environmentPrefix + words.map { $0.uppercased() }.joined(separator: "_")
  }

  /// The argument: `--ingest-idle-timeout`.
  public var argumentName: String { "--" + words.joined(separator: "-") }

  /// What the names of all environment variables begin with.
  static let environmentPrefix = "WEIGHBRIDGE_"

  /// The words of the key in lower case: `ingest`, `idle`, `timeout`.
  private var words: [String] {
    key.split(separator: ".").flatMap { component in
      component.reduce(into: [""]) { words, character in
        if character.isUppercase { words.append("") }
        words[words.count - 1] += character.lowercased()
      }
    }
  }
}
