/// Where the value of a setting came from.
public enum SettingOrigin: Sendable, Hashable, CustomStringConvertible {
  /// Nothing was given.
  case standard
  /// The configuration file.
  case file(path: String, line: Int)
  /// An environment variable.
  case environment(name: String)
  /// An argument of the command.
  case argument(name: String)

  /// The place in a few words: `default`, `/etc/weighbridge.yaml line 3`, `WEIGHBRIDGE_INGEST_UDP`,
  /// `--ingest-udp`.
  public var description: String {
    switch self {
    case .standard: "default"
    case .file(let path, let line): "\(path) line \(line)"
    case .environment(let name): name
    case .argument(let name): name
    }
  }
}
