/// The secrets by which sources sign their frames, by key id.
///
/// Thread: a value, to be used from any number of threads.
public struct KeyRing: Sendable {
  /// The shortest secret, in bytes: as strong as the tag is long.
  public static let minimumSecretLength = 16

  private let authenticators: [UInt32: MessageAuthenticator]

  /// A ring of these keys; without any, no key id is known.
  ///
  /// - Throws: `KeyRingError` for an id that is 0 or there twice, or a secret that is too short.
  public init(_ keys: [(id: UInt32, secret: [UInt8])]) throws(KeyRingError) {
    var authenticators: [UInt32: MessageAuthenticator] = [:]
    for key in keys {
      guard key.id != 0 else { throw .zeroID }
      guard authenticators[key.id] == nil else { throw .duplicateID(key.id) }
      guard key.secret.count >= Self.minimumSecretLength else {
        throw .shortSecret(id: key.id, length: key.secret.count)
      }
      authenticators[key.id] = MessageAuthenticator(secret: key.secret)
    }
    self.authenticators = authenticators
  }

  /// The authenticator of a key id, `nil` if there is none. O(1).
  public subscript(id: UInt32) -> MessageAuthenticator? { authenticators[id] }

  /// How many keys there are.
  public var count: Int { authenticators.count }

  /// The key ids, ascending.
  public var ids: [UInt32] { authenticators.keys.sorted() }
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
