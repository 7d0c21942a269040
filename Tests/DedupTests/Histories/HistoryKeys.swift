import Dedup
import SeededRandom

/// Where the keys of a history come from.
///
/// Beside random ones there are families whose members no filter and no fence can tell apart: they
/// share the position, or besides that the bits that both filters look at, or all bits but one.
struct HistoryKeys {
  private var mix: SplitMix64
  /// How many of a hundred keys belong to a family.
  private let crowding: UInt64
  private let families: [KeyHash]
  /// Families at one position only, so that a run has several pages with the same fence.
  private let isNarrow: Bool

  init(seed: UInt64, crowding: UInt64, isNarrow: Bool) {
    mix = SplitMix64(seed: seed)
    self.crowding = crowding
    self.isNarrow = isNarrow
    let positions: [UInt64] = [0, 1, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF, mix.next() >> 32]
    var families: [KeyHash] = []
    for position in positions {
      families.append(KeyHash(high: position << 32 | mix.next() >> 32, low: mix.next()))
    }
    self.families = isNarrow ? [families[3]] : families
  }

  /// A key, as a rule one that was not there before.
  mutating func next() -> KeyHash {
    guard mix.next() % 100 < crowding else {
      return KeyHash(high: mix.next(), low: mix.next())
    }
    let family = families[Int(mix.next() % UInt64(families.count))]
    switch mix.next() % (isNarrow ? 2 : 4) {
    case 0:
      // The same position and bits in both filters: sixteen other bits decide.
      return KeyHash(high: family.high, low: family.low ^ (mix.next() << 48))
    case 1:
      // The same position; everything else differs.
      return KeyHash(high: (family.high & ~0xFFFF_FFFF) | mix.next() >> 32, low: mix.next())
    case 2: return Self.neighbour(of: family, bit: Int(mix.next() % 112) + 16)
    default:
      // The same tag and filter bits at another position.
      return KeyHash(high: family.high ^ (mix.next() << 32), low: family.low)
    }
  }

  /// A key whose hash differs in one bit.
  ///
  /// - Parameter bit: from 0; the lowest 16 do not decide.
  static func neighbour(of hash: KeyHash, bit: Int) -> KeyHash {
    let mask = UInt64(1) << UInt64(bit % 64)
    return bit < 64
      ? KeyHash(high: hash.high, low: hash.low ^ mask)
      : KeyHash(high: hash.high ^ mask, low: hash.low)
  }
}
