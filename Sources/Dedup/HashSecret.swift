/// The secret of an installation that keys every hash; whoever knows it can make keys collide.
public struct HashSecret: Sendable, CustomStringConvertible, CustomReflectable {
  @usableFromInline let k0: UInt64
  @usableFromInline let k1: UInt64

  /// A secret from its sixteen bytes.
  ///
  /// - Parameters:
  ///   - k0: the first eight bytes, little-endian.
  ///   - k1: the last eight bytes, little-endian.
  public init(k0: UInt64, k1: UInt64) {
    self.k0 = k0
    self.k1 = k1
  }

  /// Tells secrets apart without giving them away: their hash of a fixed text. It stands in files.
  public var fingerprint: UInt64 {
    unsafe KeyHasher(self).word(of: "weighbridge hash secret".utf8Span.span.bytes)
  }

  /// A fingerprint as people read it: the sixteen hexadecimal digits of its bytes, in the order in
  /// which they stand in a segment.
  public static func text(ofFingerprint fingerprint: UInt64) -> String {
    let digits = String(fingerprint.byteSwapped, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }

  /// The fingerprint, never the secret.
  public var description: String {
    "HashSecret(fingerprint: \(Self.text(ofFingerprint: fingerprint)))"
  }

  /// Shows no field, so that no dump gives the secret away.
  public var customMirror: Mirror { Mirror(self, children: [:]) }
}
