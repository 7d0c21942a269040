internal import Crypto

/// The first 16 bytes of SHA-256 (FIPS 180-4) over bytes that come in parts.
///
/// A copy goes on from where the original stands, so that a common beginning is hashed once.
public struct ContentDigest: Sendable {
  private var state = SHA256()

  /// The digest of no bytes.
  public init() {}

  /// Goes on with these bytes.
  public mutating func update(_ bytes: Span<UInt8>) {
    unsafe bytes.withUnsafeBytes { unsafe state.update(bufferPointer: $0) }
  }

  /// Goes on with the 8 bytes of a number, the lowest first.
  public mutating func update(word: UInt64) {
    unsafe withUnsafeBytes(of: word.littleEndian) { unsafe state.update(bufferPointer: $0) }
  }

  /// The first 16 bytes of the digest of all bytes so far, the first one in the lowest bits.
  public var value: UInt128 {
    unsafe state.finalize().withUnsafeBytes { bytes in
      UInt128(littleEndian: unsafe bytes.loadUnaligned(as: UInt128.self))
    }
  }
}
