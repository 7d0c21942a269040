internal import Wire

/// A configuration that was checked whole, with the origin of each value.
public struct LoadedConfiguration: Sendable {
  /// The effective configuration.
  public internal(set) var configuration = ServerConfiguration()
  /// Where values came from, by the settings' keys; a key that is absent has its default.
  public internal(set) var origins: [String: SettingOrigin] = [:]
  /// What is allowed but probably not meant.
  public internal(set) var warnings: [ConfigurationFault] = []
  /// Keys whose value was refused and which therefore hold their default.
  var invalidKeys: Set<String> = []

  init() {}

  /// Where the value of a setting came from.
  public func origin(of key: String) -> SettingOrigin { origins[key] ?? .standard }

  /// A setting as a report shows it.
  public struct ShownSetting: Codable, Sendable, Hashable {
    /// Its key.
    public var key: String
    /// Its value, without secrets.
    public var value: String
    /// Where the value came from.
    public var origin: String
  }

  /// Every setting with its value and origin.
  public var settings: [ShownSetting] {
    Setting.all.map {
      ShownSetting(
        key: $0.key, value: $0.summary(configuration), origin: "\(origin(of: $0.key))")
    }
  }

  /// The effective configuration for people: one line per setting with its value and origin, then
  /// the warnings.
  public var report: String {
    let rows = settings
    let keyWidth = rows.map(\.key.count).max() ?? 0
    let valueWidth = min(40, rows.map(\.value.count).max() ?? 0)
    var lines = rows.map {
      "\(Self.padded($0.key, keyWidth))  \(Self.padded($0.value, valueWidth))  \($0.origin)"
    }
    lines += warnings.map { "warning: \($0)" }
    return lines.map { $0 + "\n" }.joined()
  }

  static func padded(_ text: String, _ width: Int) -> String {
    text + String(repeating: " ", count: max(0, width - text.count))
  }
}

extension ServerConfiguration {
  /// The effective configuration as text that is the same for the same configuration: a heading
  /// with the text's version, one line per setting, ascending by key, and one per key of a source.
  ///
  /// Secrets are not in it: passwords read `***`, and keys give their id and sources.
  public var canonicalText: String {
    var lines = ["weighbridge configuration 1"]
    for setting in Setting.all.sorted(by: { $0.key < $1.key }) {
      lines.append("\(setting.key) = \(setting.text(self))")
    }
    for key in authentication.keys {
      let sources = key.sources.map(JSONText.quoted).joined(separator: ", ")
      lines.append("authentication.key \(key.id.rawValue) = [\(sources)]")
    }
    return lines.map { $0 + "\n" }.joined()
  }
}

extension Setting {
  /// The description of every setting for the help of commands: argument, key, environment
  /// variable, meaning, what is allowed, and the default.
  public static var help: String {
    all.map { setting in
      """
      \(setting.argumentName) <\(setting.type)>
          \(setting.meaning)
          Allowed: \(setting.allowed). Default: \(setting.defaultText).
          File: \(setting.key). Environment: \(setting.environmentName).

      """
    }.joined()
  }
}
