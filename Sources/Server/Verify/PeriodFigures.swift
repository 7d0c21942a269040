internal import Database
internal import Metering
internal import Wire

/// The sums of one tenant's period, from which a finalized row of `billing_periods` is made.
struct PeriodFigures: Sendable {
  private var usage: [UsageKind: UsageSums] = [:]
  private var adjustments: [UsageKind: UsageSums] = [:]

  /// Adds a row of the period. What a superuser wrote may be any number: it wraps instead of
  /// trapping.
  mutating func add(_ sums: UsageSums, kind: UsageKind, isAdjustment: Bool) {
    if isAdjustment {
      adjustments[kind, default: UsageSums()].addWrapping(sums)
    } else {
      usage[kind, default: UsageSums()].addWrapping(sums)
    }
  }

  /// The figures by the names of their columns; those in the column `totals` by their path in it.
  ///
  /// - Parameter opening: the stored bytes at the start of the period.
  func named(opening: Int128) -> [String: String] {
    var figures: [String: String] = [:]
    var records: Int64 = 0
    var level = opening
    var digests: [UInt128] = [0, 0]
    for (place, part) in [usage, adjustments].enumerated() {
      for (kind, sums) in part {
        let path = "totals.\(place == 0 ? "usage" : "adjustments").\(kind.name)"
        figures["\(path).records"] = "\(sums.count)"
        figures["\(path).quantity"] = "\(sums.quantity)"
        figures["\(path).weighted"] = "\(sums.weighted)"
        figures["\(path).byte_milliseconds"] = "\(sums.byteMilliseconds)"
        records &+= sums.count
        digests[place] &+= sums.digest
        if kind == .storage { level &+= sums.quantity }
      }
    }
    figures["opening_level"] = "\(opening)"
    figures["closing_level"] = "\(level)"
    figures["records"] = "\(records)"
    figures["digest"] = "\(digests[0])"
    figures["adjustments_digest"] = "\(digests[1])"
    return figures
  }
}

/// A row of `billing_periods` with its figures by name, as ``PeriodFigures/named(opening:)`` names
/// them.
struct StoredPeriod: Sendable {
  let row: PeriodRow
  /// Empty while the period is open.
  var figures: [String: String] = [:]

  /// A row; the figures in its column `totals` are added one by one.
  init(_ row: PeriodRow) {
    self.row = row
    guard let finalized = row.finalized else { return }
    figures["opening_level"] = "\(row.openingLevel)"
    figures["closing_level"] = "\(finalized.closingLevel)"
    figures["records"] = "\(finalized.records)"
    figures["digest"] = "\(finalized.digest)"
    figures["adjustments_digest"] = "\(finalized.adjustmentsDigest)"
  }

  /// Reads rows with their totals, ascending by the bytes of (tenant, period).
  ///
  /// - Parameter tenant: only this tenant's, or nil for all.
  static func read(_ snapshot: RollupSnapshot, tenant: String? = nil) throws -> [StoredPeriod] {
    var periods: [StoredPeriod] = []
    try snapshot.periods(tenant: tenant) { periods.append(StoredPeriod($0)) }
    var place = 0
    try snapshot.totals(tenant: tenant) { tenant, period, path, value in
      while periods[place].row.period != period
        || !periods[place].row.tenant.utf8.elementsEqual(tenant.utf8)
      { place += 1 }
      periods[place].figures["totals.\(path)"] = value
    }
    return periods
  }
}

extension UsageSums {
  fileprivate mutating func addWrapping(_ other: UsageSums) {
    count &+= other.count
    quantity &+= other.quantity
    weighted &+= other.weighted
    byteMilliseconds &+= other.byteMilliseconds
    digest &+= other.digest
  }
}
