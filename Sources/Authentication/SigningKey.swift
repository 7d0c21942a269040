internal import Crypto
internal import Foundation

/// A private key of Ed25519 (RFC 8032).
///
/// Thread: a value, to be used from any number of threads.
public struct SigningKey: Sendable {
  /// Bytes of a seed.
  public static let seedLength = 32

  private let key: Curve25519.Signing.PrivateKey

  /// A new key from the kernel's source of randomness.
  public init() { key = Curve25519.Signing.PrivateKey() }

  /// The key that a seed makes (the private key of RFC 8032); nil unless it has
  /// ``seedLength`` bytes.
  public init?(seed: [UInt8]) {
    guard seed.count == Self.seedLength,
      let key = try? Curve25519.Signing.PrivateKey(rawRepresentation: seed)
    else { return nil }
    self.key = key
  }

  /// The seed, from which everything follows: keep it as a secret.
  public var seed: [UInt8] { Array(key.rawRepresentation) }

  /// The other half, for everybody.
  public var publicKey: VerificationKey { VerificationKey(key.publicKey) }

  /// The signature of a message, ``VerificationKey/signatureLength`` bytes.
  ///
  /// - Complexity: O(length).
  public func signature(of message: [UInt8]) -> [UInt8] {
    do {
      return Array(try key.signature(for: message))
    } catch {
      fatalError("BUG: a key of Ed25519 cannot sign: \(error)")
    }
  }
}

extension SigningKey: CustomStringConvertible, CustomReflectable {
  /// The public key's fingerprint, and nothing of the seed.
  public var description: String { "SigningKey(\(publicKey.fingerprint))" }

  /// Shows nothing of the seed to `dump` and to debuggers.
  public var customMirror: Mirror { Mirror(self, children: [], displayStyle: .struct) }
}
