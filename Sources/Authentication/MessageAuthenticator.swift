internal import Crypto
internal import Foundation

/// Makes and checks the tags of frames: HMAC-SHA-256 (RFC 2104, FIPS 180-4) cut to its first 16
/// bytes.
///
/// The key is prepared once: a tag costs the hash of its message and two more blocks.
///
/// Thread: a value, to be used from any number of threads.
public struct MessageAuthenticator: Sendable {
  /// Both hashers of HMAC with the padded key already in them; copied for each tag.
  private let prepared: HMAC<SHA256>

  /// An authenticator with this secret, of any length. Keys from outside come through `KeyRing`,
  /// which refuses short ones.
  public init(secret: [UInt8]) {
    prepared = HMAC<SHA256>(key: SymmetricKey(data: secret))
  }

  /// The tag of a message: the first 16 bytes of its HMAC-SHA-256, the first one in the lowest
  /// bits. O(length).
  public func tag(of message: RawSpan) -> UInt128 {
    var code = prepared
    unsafe message.withUnsafeBytes { unsafe code.update(data: $0) }
    let digest = code.finalize()
    return unsafe digest.withUnsafeBytes { bytes in
      unsafe UInt128(littleEndian: bytes.loadUnaligned(as: UInt128.self))
    }
  }

  /// Whether `tag` is the tag of the message. The time taken does not depend on where a wrong tag
  /// differs.
  public func verify(_ tag: UInt128, of message: RawSpan) -> Bool {
    let difference = tag ^ self.tag(of: message)
    // Both halves are looked at, whatever the first one says.
    let folded =
      UInt64(truncatingIfNeeded: difference) | UInt64(truncatingIfNeeded: difference >> 64)
    return folded == 0
  }
}

extension MessageAuthenticator: CustomStringConvertible, CustomReflectable {
  /// Says nothing of the secret.
  public var description: String { "MessageAuthenticator" }

  /// Shows nothing of the secret to `dump` and to debuggers.
  public var customMirror: Mirror { Mirror(self, children: [], displayStyle: .struct) }
}
