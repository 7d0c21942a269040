public import Wire

/// A key that sources tag their frames with.
///
/// Its descriptions and its mirror name it without the secret.
public struct SourceKey: Sendable, Hashable, CustomStringConvertible, CustomReflectable {
  /// The number in the frame's header, 1 or more.
  public let id: KeyID
  /// What people call it; empty for none.
  public let name: String
  /// The secret, 16 to 128 bytes.
  public let secret: [UInt8]

  /// A key with its secret.
  public init(id: KeyID, name: String, secret: [UInt8]) {
    self.id = id
    self.name = name
    self.secret = secret
  }

  /// The number and the name.
  public var description: String {
    name.isEmpty ? "key \(id.rawValue)" : "key \(id.rawValue) \(name)"
  }

  /// The number and the name.
  public var customMirror: Mirror {
    Mirror(self, children: ["id": id.rawValue, "name": name])
  }
}
