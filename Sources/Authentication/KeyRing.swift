/// The secrets by which sources sign their frames, by key id, and whom each may speak for.
///
/// Thread: a value, to be used from any number of threads.
public struct KeyRing: Sendable {
  /// The shortest secret, in bytes: as strong as the tag is long.
  public static let minimumSecretLength = 16

  /// What the ring knows of one key.
  public struct Key: Sendable {
    /// Makes and checks the tags under its secret.
    public let authenticator: MessageAuthenticator
    private let sources: SourceNames

    init(secret: [UInt8], sources: [String]) {
      authenticator = MessageAuthenticator(secret: secret)
      self.sources = SourceNames(sources)
    }

    /// Whether the key may speak for the source of this name. A key without names may speak for
    /// any. O(log n) in its names; nothing is allocated.
    public func maySpeak(for source: RawSpan) -> Bool {
      sources.isEmpty || sources.contains(source)
    }
  }

  private let keys: [UInt32: Key]

  /// A ring of these keys; without any, no key id is known.
  ///
  /// - Parameter keys: the keys, each with the names of the sources that it may speak for; without
  ///   names it may speak for any.
  /// - Throws: `KeyRingError` for an id that is 0 or there twice, or a secret that is too short.
  public init(
    _ keys: [(id: UInt32, secret: [UInt8], sources: [String])]
  ) throws(KeyRingError) {
    var ring: [UInt32: Key] = [:]
    for key in keys {
      guard key.id != 0 else { throw .zeroID }
      guard ring[key.id] == nil else { throw .duplicateID(key.id) }
      guard key.secret.count >= Self.minimumSecretLength else {
        throw .shortSecret(id: key.id, length: key.secret.count)
      }
      ring[key.id] = Key(secret: key.secret, sources: key.sources)
    }
    self.keys = ring
  }

  /// The key of an id, `nil` if there is none. O(1).
  public subscript(id: UInt32) -> Key? { keys[id] }

  /// How many keys there are.
  public var count: Int { keys.count }

  /// The key ids, ascending.
  public var ids: [UInt32] { keys.keys.sorted() }
}

extension KeyRing: CustomStringConvertible, CustomReflectable {
  /// The key ids, and nothing of the secrets.
  public var description: String { "KeyRing(ids: \(ids))" }

  /// Shows the key ids, and nothing of the secrets, to `dump` and to debuggers.
  public var customMirror: Mirror { Mirror(self, children: ["ids": ids], displayStyle: .struct) }
}

/// What is wrong with a list of keys.
public enum KeyRingError: Error, Hashable, Sendable {
  /// Key id 0 stands for "no authentication" and cannot have a secret.
  case zeroID
  /// Two keys have this id.
  case duplicateID(UInt32)
  /// The secret of this id is shorter than `KeyRing.minimumSecretLength` bytes.
  case shortSecret(id: UInt32, length: Int)
}

extension KeyRingError: CustomStringConvertible {
  /// A sentence for the operator, without the secret.
  public var description: String {
    switch self {
    case .zeroID:
      return "key id 0 stands for no authentication and cannot have a secret"
    case .duplicateID(let id):
      return "key id \(id) is there twice"
    case .shortSecret(let id, let length):
      return "the secret of key id \(id) has \(length) bytes; "
        + "it needs at least \(KeyRing.minimumSecretLength)"
    }
  }
}
