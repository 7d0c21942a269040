import Dedup

/// The keyed hashes that stand for a record.
enum RecordDigest {
  /// The hash that a rollup's digest sums: key, tenant, kind, operation, context, time, quantity
  /// and weight decide it. The key's hash covers the tenant.
  @inline(__always)
  static func word(
    _ hasher: KeyHasher, key: KeyHash, kind: UInt8, operation: UInt64, context: UInt64,
    time: Int64, quantity: Int64, weight: UInt32
  ) -> UInt64 {
    hasher.word([
      key.high, key.low, operation, context, UInt64(bitPattern: time),
      UInt64(bitPattern: quantity), UInt64(kind) | UInt64(weight) << 8,
    ])
  }

  /// The 16 bits that tell a conflict from a duplicate: kind, operation, quantity and context
  /// decide them. The hashes of the names are keyed; the mixer is the finaliser of MurmurHash3.
  @inline(__always)
  static func payload(kind: UInt8, operation: UInt64, context: UInt64, quantity: Int64) -> UInt16 {
    var mixed = operation ^ (context << 23 | context >> 41)
    mixed = (mixed &+ UInt64(kind)) &* 0x9e37_79b9_7f4a_7c15
    mixed ^= UInt64(bitPattern: quantity)
    mixed = (mixed ^ mixed >> 33) &* 0xff51_afd7_ed55_8ccd
    mixed = (mixed ^ mixed >> 33) &* 0xc4ce_b9fe_1a85_ec53
    return UInt16(truncatingIfNeeded: mixed >> 48)
  }
}
