/// The state of SipHash-1-3: one round for each word, three at the end.
///
/// Source: J.-P. Aumasson and D. J. Bernstein, "SipHash: a fast short-input PRF" (2012), with the
/// 128-bit output of the authors' reference implementation. The cut to 1-3 rounds is the one that
/// several language runtimes use for hash tables; it is a keyed hash for tables, not a signature.
@usableFromInline
struct SipHash: Sendable {
  @usableFromInline var v0: UInt64
  @usableFromInline var v1: UInt64
  @usableFromInline var v2: UInt64
  @usableFromInline var v3: UInt64

  /// The state of a message that has not begun.
  ///
  /// - Parameters:
  ///   - k0: the first eight bytes of the key, little-endian.
  ///   - k1: the last eight bytes of the key, little-endian.
  ///   - wide: whether the hash will have 128 bits.
  @inlinable
  init(k0: UInt64, k1: UInt64, wide: Bool) {
    v0 = k0 ^ 0x736f_6d65_7073_6575
    v1 = k1 ^ 0x646f_7261_6e64_6f6d ^ (wide ? 0xee : 0)
    v2 = k0 ^ 0x6c79_6765_6e65_7261
    v3 = k1 ^ 0x7465_6462_7974_6573
  }

  /// One SipRound.
  @inlinable @inline(__always)
  mutating func round() {
    v0 &+= v1
    v2 &+= v3
    v1 = (v1 &<< 13 | v1 &>> 51) ^ v0
    v3 = (v3 &<< 16 | v3 &>> 48) ^ v2
    v0 = v0 &<< 32 | v0 &>> 32
    v2 &+= v1
    v0 &+= v3
    v1 = (v1 &<< 17 | v1 &>> 47) ^ v2
    v3 = (v3 &<< 21 | v3 &>> 43) ^ v0
    v2 = v2 &<< 32 | v2 &>> 32
  }

  /// Takes eight bytes of the message, little-endian.
  @inlinable @inline(__always)
  mutating func absorb(_ word: UInt64) {
    v3 ^= word
    round()
    v0 ^= word
  }

  /// Takes bytes up to the last whole word and gives the rest, 0 to 7 bytes, as a word.
  @inlinable @inline(__always)
  mutating func absorbWords(of bytes: RawSpan) -> UInt64 {
    let count = bytes.byteCount
    var offset = 0
    while count &- offset >= 8 {
      absorb(
        UInt64(
          littleEndian: unsafe bytes.unsafeLoadUnaligned(
            fromByteOffset: offset, as: UInt64.self)))
      offset &+= 8
    }
    var tail: UInt64 = 0
    var shift: UInt64 = 0
    while offset < count {
      tail |= UInt64(unsafe bytes.unsafeLoad(fromByteOffset: offset, as: UInt8.self)) &<< shift
      shift &+= 8
      offset &+= 1
    }
    return tail
  }

  /// Ends a message with its last word (length in the highest byte) and gives 64 bits.
  @inlinable @inline(__always)
  consuming func finish64(_ last: UInt64) -> UInt64 {
    absorb(last)
    v2 ^= 0xff
    round()
    round()
    round()
    return v0 ^ v1 ^ v2 ^ v3
  }

  /// Ends a message with its last word (length in the highest byte) and gives 128 bits.
  @inlinable @inline(__always)
  consuming func finish128(_ last: UInt64) -> KeyHash {
    absorb(last)
    v2 ^= 0xee
    round()
    round()
    round()
    let low = v0 ^ v1 ^ v2 ^ v3
    v1 ^= 0xdd
    round()
    round()
    round()
    return KeyHash(high: v0 ^ v1 ^ v2 ^ v3, low: low)
  }
}
