/// One thing that is wrong with a configuration.
public struct ConfigurationFault: Sendable, Hashable, CustomStringConvertible {
  /// The key of the setting, or what else is meant, such as the path of the file.
  public var key: String
  /// The value found, without secrets; nil if there is none to show.
  public var found: String?
  /// Where it came from; nil if the key says it.
  public var origin: SettingOrigin?
  /// What is wrong, where ``allowed`` does not say it.
  public var reason: String?
  /// What is allowed; nil where the reason says it.
  public var allowed: String?

  /// The fault in one line:
  /// `acceptance.back: found "35x" (--acceptance-back); allowed: a duration from …`.
  public var description: String {
    var head: [String] = []
    if let found { head.append("found \(JSONText.quoted(found))") }
    if let origin { head.append("(\(origin))") }
    var parts = head.isEmpty ? [] : [head.joined(separator: " ")]
    if let reason { parts.append(reason) }
    if let allowed { parts.append("allowed: \(allowed)") }
    return "\(key): \(parts.joined(separator: "; "))"
  }
}

/// Everything that is wrong with a configuration.
public struct ConfigurationError: Error, Sendable, Hashable, CustomStringConvertible {
  /// The faults, at least one, in the order of the settings.
  public var faults: [ConfigurationFault]

  /// A heading and one line for each fault.
  public var description: String {
    let heading =
      faults.count == 1
      ? "the configuration has a fault" : "the configuration has \(faults.count) faults"
    return ([heading + ":"] + faults.map { "  \($0)" }).joined(separator: "\n")
  }
}
