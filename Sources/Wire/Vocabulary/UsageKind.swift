/// What a usage record measures, and in which unit.
///
/// The raw value is the value on the wire and in the log; it never changes its meaning.
public enum UsageKind: UInt8, Sendable, CaseIterable, Hashable {
  /// Bytes of request plus response.
  case traffic = 0
  /// Compute units before the operation's weight is applied.
  case compute = 1
  /// Signed change of stored bytes.
  case storage = 2

  /// The name in files, tables and output.
  public var name: String {
    switch self {
    case .traffic: "traffic"
    case .compute: "compute"
    case .storage: "storage"
    }
  }

  /// The kind with this name, or nil.
  public init?(name: String) {
    guard let kind = Self.allCases.first(where: { $0.name == name }) else { return nil }
    self = kind
  }
}

/// Where usage came from.
public enum ContextType: UInt8, Sendable, CaseIterable, Hashable {
  /// A project.
  case project = 0
  /// A workspace.
  case workspace = 1
  /// An administrative action.
  case admin = 2
  /// Anything else; a record without a context has this type and an empty name.
  case other = 3

  /// The name in files, tables and output.
  public var name: String {
    switch self {
    case .project: "project"
    case .workspace: "workspace"
    case .admin: "admin"
    case .other: "other"
    }
  }

  /// The context type with this name, or nil.
  public init?(name: String) {
    guard let type = Self.allCases.first(where: { $0.name == name }) else { return nil }
    self = type
  }
}
