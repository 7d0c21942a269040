/// The sums of some usage records. All of it is addition, so any order gives the same figures.
public struct UsageSums: Sendable, Hashable {
  /// Number of records; a void subtracts.
  public var count: Int64
  /// Sum of quantities, in the unit of the kind.
  public var quantity: Int128
  /// Sum of quantity times weight.
  public var weighted: Int128
  /// Byte-milliseconds: for each storage change its quantity times the rest of its hour.
  public var byteMilliseconds: Int128
  /// Sum of each record's keyed 64-bit hash.
  public var digest: UInt128

  /// Sums of nothing, or the given ones.
  @inlinable
  public init(
    count: Int64 = 0, quantity: Int128 = 0, weighted: Int128 = 0, byteMilliseconds: Int128 = 0,
    digest: UInt128 = 0
  ) {
    self.count = count
    self.quantity = quantity
    self.weighted = weighted
    self.byteMilliseconds = byteMilliseconds
    self.digest = digest
  }

  /// Adds other sums; the digest is a sum modulo 2¹²⁸. The admission limits make an overflow
  /// impossible; one is a bug and traps.
  @inlinable
  public static func += (left: inout UsageSums, right: UsageSums) {
    left.count += right.count
    left.quantity += right.quantity
    left.weighted += right.weighted
    left.byteMilliseconds += right.byteMilliseconds
    left.digest &+= right.digest
  }
}
