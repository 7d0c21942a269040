internal import Crypto
internal import Foundation

/// A public key of Ed25519 (RFC 8032).
///
/// Its text is `ed25519:` and the 64 hexadecimal digits of its 32 bytes.
public struct VerificationKey: Sendable, Equatable, CustomStringConvertible {
  /// Bytes of a signature.
  public static let signatureLength = 64

  /// What a key's text begins with.
  public static let prefix = "ed25519:"

  private let key: Curve25519.Signing.PublicKey

  init(_ key: Curve25519.Signing.PublicKey) { self.key = key }

  /// The key of a text, such as ``description`` gives; nil for any other text.
  public init?(_ text: String) {
    guard text.hasPrefix(Self.prefix) else { return nil }
    let digits = Array(text.utf8.dropFirst(Self.prefix.utf8.count))
    guard digits.count == 64 else { return nil }
    var bytes: [UInt8] = []
    for place in stride(from: 0, to: digits.count, by: 2) {
      guard let high = Self.value(ofDigit: digits[place]),
        let low = Self.value(ofDigit: digits[place + 1])
      else { return nil }
      bytes.append(high << 4 | low)
    }
    guard let key = try? Curve25519.Signing.PublicKey(rawRepresentation: bytes) else { return nil }
    self.key = key
  }

  /// The key as text.
  public var description: String { Self.prefix + Self.text(ofBytes: key.rawRepresentation) }

  /// The SHA-256 of the key's 32 bytes, for comparing by eye: `sha256:` and 64 hexadecimal digits.
  public var fingerprint: String {
    "sha256:" + Self.text(ofBytes: SHA256.hash(data: key.rawRepresentation))
  }

  /// Whether a signature is that of a message under this key.
  ///
  /// - Parameter signature: of any length; only one of ``signatureLength`` bytes can be right.
  public func isValid(_ signature: [UInt8], of message: [UInt8]) -> Bool {
    signature.count == Self.signatureLength && key.isValidSignature(signature, for: message)
  }

  /// Whether both are the same key.
  public static func == (left: VerificationKey, right: VerificationKey) -> Bool {
    left.key.rawRepresentation == right.key.rawRepresentation
  }

  private static func value(ofDigit digit: UInt8) -> UInt8? {
    switch digit {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
    default: nil
    }
  }

  private static func text(ofBytes bytes: some Sequence<UInt8>) -> String {
    bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }
}
