public import Dedup

/// Which partition of an installation judges a tenant.
///
/// It must never change for a name: the partition's log, keys and periods hold what the tenant
/// used. Senders do not know the secret, so they cannot choose names that crowd one partition.
public struct TenantPartitions: Sendable {
  /// How many partitions there are.
  public let count: Int
  private let hasher: KeyHasher

  /// Sets the hash of a tenant's partition apart from that of its name.
  private static let purpose: UInt32 = 0x5452_4150  // "PART"

  /// The partitions of an installation.
  ///
  /// - Parameters:
  ///   - count: how many, at least one.
  ///   - secret: the installation's secret.
  public init(_ count: Int, secret: HashSecret) {
    precondition(count > 0, "BUG: an installation without partitions")
    self.count = count
    hasher = KeyHasher(secret)
  }

  /// The partition of a tenant, from 0, by the bytes of its name, which may be no valid text: the
  /// keyed 64-bit hash of the name, hashed once more for this purpose, modulo the number of
  /// partitions.
  public func partition(ofTenant name: RawSpan) -> Int {
    let word = hasher.word([hasher.word(of: name)], tail: Self.purpose)
    return Int(truncatingIfNeeded: word % UInt64(truncatingIfNeeded: count))
  }

  /// The partition of a tenant.
  public func partition(ofTenant name: String) -> Int {
    let bytes = Array(name.utf8)
    return partition(ofTenant: bytes.span.raw)
  }
}
