/// What some records come to, for one tenant and kind.
struct Totals: Equatable {
  var records: Int64 = 0
  var quantity: Int128 = 0

  static func += (left: inout Totals, right: Totals) {
    left.records += right.records
    left.quantity += right.quantity
  }

  static func * (left: Totals, times: Int64) -> Totals {
    Totals(records: left.records * times, quantity: left.quantity * Int128(times))
  }
}

/// A tenant and a kind, by which sums are compared.
struct TenantKind: Hashable {
  var tenant: String
  var kind: String
}

/// Records by verdict.
struct VerdictTotals: Equatable, Codable {
  var accepted: Int64 = 0
  var duplicate: Int64 = 0
  var conflict: Int64 = 0
  var late: Int64 = 0
  var rejected: Int64 = 0

  static func += (left: inout VerdictTotals, right: VerdictTotals) {
    left.accepted += right.accepted
    left.duplicate += right.duplicate
    left.conflict += right.conflict
    left.late += right.late
    left.rejected += right.rejected
  }
}
