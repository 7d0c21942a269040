public import Wire

/// A key that sources tag their frames with.
///
/// Its descriptions and its mirror show it without the secret.
public struct SourceKey: Sendable, Hashable, CustomStringConvertible, CustomReflectable {
  /// The number in the frame's header, 1 or more.
  public let id: KeyID
  /// The names of the sources that it may speak for; empty for any source.
  public let sources: [String]
  /// The secret, 16 to 128 bytes.
  public let secret: [UInt8]

  /// A key with its secret.
  public init(id: KeyID, sources: [String], secret: [UInt8]) {
    self.id = id
    self.sources = sources
    self.secret = secret
  }

  /// The number and the sources.
  public var description: String {
    (["key \(id.rawValue)"] + sources).joined(separator: " ")
  }

  /// The number and the sources.
  public var customMirror: Mirror {
    Mirror(self, children: ["id": id.rawValue, "sources": sources])
  }
}
