import Dedup

/// The keyed hashes that stand for a record.
enum RecordDigest {
  /// What is hashed for a rollup's digest, which sums the hashes: key, tenant, kind, operation,
  /// context, time, quantity and weight decide it. The key's hash covers the tenant. The names come
  /// as their keyed hashes, mixed into one word; a weight has at most 20 bits, a kind two.
  @inline(__always)
  static func message(
    key: KeyHash, kind: UInt8, operation: UInt64, context: UInt64, time: Int64, quantity: Int64,
    weight: UInt32
  ) -> DigestMessage {
    DigestMessage(
      [
        key.high, key.low, names(operation, context), UInt64(bitPattern: time),
        UInt64(bitPattern: quantity),
      ], tail: UInt32(kind) | weight << 8)
  }

  /// The 16 bits that tell a conflict from a duplicate: kind, operation, quantity and context
  /// decide them. The hashes of the names are keyed; the mixer is the finaliser of MurmurHash3.
  @inline(__always)
  static func payload(kind: UInt8, operation: UInt64, context: UInt64, quantity: Int64) -> UInt16 {
    var mixed = names(operation, context)
    mixed = (mixed &+ UInt64(kind)) &* 0x9e37_79b9_7f4a_7c15
    mixed ^= UInt64(bitPattern: quantity)
    mixed = (mixed ^ mixed >> 33) &* 0xff51_afd7_ed55_8ccd
    mixed = (mixed ^ mixed >> 33) &* 0xc4ce_b9fe_1a85_ec53
    return UInt16(truncatingIfNeeded: mixed >> 48)
  }

  /// One word of two keyed hashes, not the same when they are swapped.
  @inline(__always)
  private static func names(_ operation: UInt64, _ context: UInt64) -> UInt64 {
    operation ^ (context << 23 | context >> 41)
  }
}
