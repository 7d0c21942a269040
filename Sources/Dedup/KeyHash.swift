/// The keyed 128-bit hash of one idempotency key within its tenant.
///
/// The index decides by the upper 112 bits: ``high`` whole and the upper 48 bits of ``low``.
public struct KeyHash: Sendable, Hashable, BitwiseCopyable {
  /// The second eight bytes of the hash, little-endian.
  public var high: UInt64
  /// The first eight bytes of the hash, little-endian.
  public var low: UInt64

  /// A hash from its two halves.
  @inlinable
  public init(high: UInt64, low: UInt64) {
    self.high = high
    self.low = low
  }
}
