/// Which contexts each tenant has used, with a limit for one tenant and one for all together.
///
/// A record beyond a limit is booked under an overflow context instead, so that a tenant that
/// invents contexts cannot grow the rollups without end. One thread owns the set.
public struct TenantContexts: ~Copyable, Sendable {
  /// The largest number of contexts of one tenant.
  public let limitPerTenant: Int
  /// The largest number of pairs.
  public let limit: Int

  private let hash: IntegerHash
  private var index = HashIndex()
  private var pairs = ChunkedRows<UInt64>(chunkShift: 13)
  /// Number of contexts by tenant; tenants are dense numbers.
  private var counts: [UInt32] = []

  /// An empty set.
  ///
  /// - Parameters:
  ///   - limitPerTenant: the largest number of contexts of one tenant, 0 to 2³² − 1.
  ///   - limit: the largest number of pairs, 0 to 2³² − 1.
  ///   - seed: any number; it only moves the pairs in memory.
  public init(limitPerTenant: Int, limit: Int, seed: UInt64) {
    precondition(
      (0...Int(UInt32.max)).contains(limitPerTenant) && (0...Int(UInt32.max)).contains(limit),
      "BUG: a limit of contexts that 32 bits cannot count")
    self.limitPerTenant = limitPerTenant
    self.limit = limit
    hash = IntegerHash(seed: seed)
  }

  /// Number of pairs.
  public var count: Int { pairs.count }

  /// Bytes of memory held.
  public var byteCount: Int {
    index.byteCount + pairs.byteCount + counts.capacity * MemoryLayout<UInt32>.stride
  }

  /// Number of contexts of a tenant. O(1).
  public func count(ofTenant tenant: UInt32) -> Int {
    Int(tenant) < counts.count ? Int(counts[Int(tenant)]) : 0
  }

  /// Takes a pair into the set if it is new and both limits allow it. Amortised O(1).
  ///
  /// - Parameters:
  ///   - tenant: the tenant's number in its name table; memory grows with the largest one.
  ///   - context: the context's number in its name table.
  /// - Returns: whether the pair is in the set now.
  public mutating func admit(tenant: UInt32, context: UInt32) -> Bool {
    let pair = UInt64(tenant) << 32 | UInt64(context)
    let hashValue = hash(pair)
    let known = index.find(hashValue) { row in
      unsafe pairs.pointer(Int(row)).pointee == pair
    }
    if known != nil { return true }
    guard pairs.count < limit, count(ofTenant: tenant) < limitPerTenant else { return false }
    if Int(tenant) >= counts.count {
      counts.append(contentsOf: repeatElement(0, count: Int(tenant) + 1 - counts.count))
    }
    counts[Int(tenant)] += 1
    let row = UInt32(truncatingIfNeeded: pairs.count)
    unsafe pairs.append().initialize(to: pair)
    index.insert(hashValue, row: row)
    return true
  }

  /// Gives every pair to `body`, in the order in which they were taken. O(n).
  public func forEach(_ body: (_ tenant: UInt32, _ context: UInt32) -> Void) {
    for row in 0..<pairs.count {
      let pair = unsafe pairs.pointer(row).pointee
      body(UInt32(truncatingIfNeeded: pair >> 32), UInt32(truncatingIfNeeded: pair))
    }
  }
}
