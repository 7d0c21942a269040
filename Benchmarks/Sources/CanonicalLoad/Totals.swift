/// What some records come to, for one tenant and kind.
public struct Totals: Equatable, Sendable {
  /// Records.
  public var records: Int64 = 0
  /// The sum of their quantities.
  public var quantity: Int128 = 0

  /// Sums.
  public init(records: Int64 = 0, quantity: Int128 = 0) {
    self.records = records
    self.quantity = quantity
  }

  /// Adds other records.
  public static func += (left: inout Totals, right: Totals) {
    left.records += right.records
    left.quantity += right.quantity
  }

  /// The same records so many times.
  public static func * (left: Totals, times: Int64) -> Totals {
    Totals(records: left.records * times, quantity: left.quantity * Int128(times))
  }
}

/// A tenant and a kind, by which sums are compared.
public struct TenantKind: Hashable, Sendable {
  /// The tenant's name.
  public var tenant: String
  /// The kind's name.
  public var kind: String

  /// A tenant and a kind.
  public init(tenant: String, kind: String) {
    self.tenant = tenant
    self.kind = kind
  }
}

/// Records by verdict.
public struct VerdictTotals: Equatable, Codable, Sendable, CustomStringConvertible {
  /// New, and counted.
  public var accepted: Int64 = 0
  /// Counted before.
  public var duplicate: Int64 = 0
  /// Counted before, with another payload.
  public var conflict: Int64 = 0
  /// New, of a finalized period.
  public var late: Int64 = 0
  /// Not counted.
  public var rejected: Int64 = 0

  /// None.
  public init() {}

  /// The numbers with their names.
  public var description: String {
    "accepted \(accepted), duplicate \(duplicate), conflict \(conflict), late \(late), "
      + "rejected \(rejected)"
  }

  /// Adds other verdicts.
  public static func += (left: inout VerdictTotals, right: VerdictTotals) {
    left.accepted += right.accepted
    left.duplicate += right.duplicate
    left.conflict += right.conflict
    left.late += right.late
    left.rejected += right.rejected
  }
}
