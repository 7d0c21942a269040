internal import Dedup

/// Keys by number, so that the truth about a billion of them needs no set.
///
/// Every number has a key of its own, and a payload digest. The last key of each 1,024 is the
/// neighbour of an older one: their hashes differ in one bit that no filter looks at.
public struct NumberedKeys: Sendable {
  private let seed: UInt64

  /// Keys that differ from those of other seeds.
  public init(seed: UInt64) { self.seed = seed }

  /// The hash of a key.
  ///
  /// - Parameter number: below 2⁶².
  @inline(__always)
  func hash(_ number: UInt64) -> KeyHash {
    guard number & 1023 == 1023 else { return plain(number) }
    // No two have the same older key.
    let block = number &>> 10
    let older = (block &>> 2) &<< 10 | (100 &+ (block & 3))
    var hash = plain(older)
    hash.low ^= 1 &<< (48 &+ (block & 15))
    return hash
  }

  /// The hash of a key that no number has.
  @inline(__always)
  func absent(_ number: UInt64) -> KeyHash { plain(number | 1 &<< 62) }

  /// The hash of a key that no number has, and that only the page of a run tells from the key of
  /// this number, or also the run's own filter: two bits differ.
  @inline(__always)
  func stranger(_ number: UInt64) -> KeyHash {
    var hash = hash(number)
    let place: UInt64 = number & 1 == 0 ? 48 : 20
    hash.low ^= 3 &<< (place &+ (number &>> 1) % 14)
    return hash
  }

  /// The payload digest of a key.
  @inline(__always)
  func payload(_ number: UInt64) -> UInt16 {
    UInt16(truncatingIfNeeded: number &* 0x9E37_79B9_7F4A_7C15 &>> 40)
  }

  /// Different numbers give different hashes: every step of the mixing can be undone.
  @inline(__always)
  private func plain(_ number: UInt64) -> KeyHash {
    KeyHash(high: Self.mix(number &+ seed), low: Self.mix(number ^ 0x5851_F42D_4C95_7F2D))
  }

  /// The mixing of SplitMix64.
  @inline(__always)
  static func mix(_ value: UInt64) -> UInt64 {
    var mixed = value &+ 0x9E37_79B9_7F4A_7C15
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
}
