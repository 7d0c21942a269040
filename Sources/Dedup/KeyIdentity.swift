/// The part of a key's hash that decides: its upper 112 bits, the same in every tier.
///
/// As bits, from the top: 32 bits that choose the position, then the rest. A table keeps the lower
/// 96 bits in a slot; the upper 16 follow from the bucket, because their number is a
/// multiple of 2¹⁶.
struct KeyIdentity: Hashable, Comparable {
  /// The identity, below 2¹¹².
  var bits: UInt128

  init(bits: UInt128) { self.bits = bits }

  @inline(__always)
  init(_ hash: KeyHash) {
    bits = UInt128(hash.high) &<< 48 | UInt128(hash.low &>> 16)
  }

  /// The upper 16 bits of every identity whose home is this bucket of a table.
  ///
  /// A table of `shards` has that many buckets for each 2¹⁶th part of the positions, exactly.
  @inline(__always)
  static func upperBits(bucket: Int, shards: Int) -> UInt16 {
    UInt16(truncatingIfNeeded: bucket / shards)
  }

  /// The identity with these upper 16 bits whose lower 96 bits stand in a slot.
  @inline(__always)
  init(upperBits: UInt16, rest: UInt64, tag: UInt32) {
    bits = UInt128(upperBits) &<< 96 | UInt128(rest) &<< 32 | UInt128(tag)
  }

  /// The 32 bits that choose a position in tables, runs and the filter, which all keep this order.
  @inline(__always)
  var position: UInt32 { UInt32(truncatingIfNeeded: bits &>> 80) }

  /// The bits that a slot compares first.
  @inline(__always)
  var tag: UInt32 { UInt32(truncatingIfNeeded: bits) }

  /// The other bits of a slot.
  @inline(__always)
  var rest: UInt64 { UInt64(truncatingIfNeeded: bits &>> 32) }

  /// The bits that the filter over all runs looks at beside the position.
  @inline(__always)
  var filterBits: UInt32 { UInt32(truncatingIfNeeded: bits &>> 48) }

  @inline(__always)
  static func < (left: KeyIdentity, right: KeyIdentity) -> Bool { left.bits < right.bits }
}

/// Scales a position of 32 bits to a range of `count` places, keeping the order.
@inline(__always)
func scaled(_ position: UInt32, to count: Int) -> Int {
  Int(truncatingIfNeeded: (UInt64(position) &* UInt64(truncatingIfNeeded: count)) &>> 32)
}

/// A key in a sealed run: identity and payload digest in sixteen bytes, ordered by identity.
struct SealedKey: Hashable {
  var bits: UInt128

  @inline(__always)
  init(bits: UInt128) { self.bits = bits }

  @inline(__always)
  init(_ identity: KeyIdentity, payload: UInt16) {
    bits = identity.bits &<< 16 | UInt128(payload)
  }

  @inline(__always)
  var identity: KeyIdentity { KeyIdentity(bits: bits &>> 16) }

  @inline(__always)
  var payload: UInt16 { UInt16(truncatingIfNeeded: bits) }
}
