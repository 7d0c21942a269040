internal import Database
internal import Metering
internal import SegmentLog
internal import Wire

/// Compares the rows of `billing_periods` with the usage in Postgres, and with the log.
public struct PeriodComparison: Sendable {
  /// Finalized periods that are the same.
  public private(set) var equal = 0
  /// Periods that differ.
  public private(set) var differing = 0
  /// The first periods that differ, by tenant and period.
  public private(set) var differences: [PeriodDifference] = []

  private struct Place: Hashable {
    var tenant: UInt32
    var period: BillingPeriod
  }

  private let limit: Int
  private var rows: [Place: PeriodFigures] = [:]
  private var log: [Place: PeriodFigures] = [:]

  /// A comparison of nothing yet.
  ///
  /// - Parameter limit: how many differences are kept.
  public init(limit: Int) { self.limit = limit }

  /// Takes a row of usage.
  ///
  /// - Parameters:
  ///   - key: its key.
  ///   - kept: what the retained log gives.
  ///   - stored: what Postgres holds.
  mutating func take(_ key: RollupKey, kept: UsageSums?, stored: UsageSums?) {
    guard let kind = UsageKind(rawValue: key.kind) else { return }
    let isLate = key.booking != RollupKey.notLate
    let place = Place(
      tenant: key.tenant,
      period: isLate
        ? BillingPeriod(month: key.booking) : BillingPeriod(containing: Hour(index: key.hour)))
    if let stored {
      rows[place, default: PeriodFigures()].add(stored, kind: kind, isAdjustment: isLate)
    }
    if let kept {
      log[place, default: PeriodFigures()].add(kept, kind: kind, isAdjustment: isLate)
    }
  }

  /// Compares once all rows are taken.
  ///
  /// - Parameters:
  ///   - periods: the rows of `billing_periods`, by tenant and period.
  ///   - fold: the log.
  ///   - deleted: what deleted segments held.
  mutating func finish(
    _ periods: [StoredPeriod], _ fold: borrowing LogFold, _ deleted: DeletedUsage
  ) {
    var entries: [Place: PeriodFinalization] = [:]
    for entry in fold.finalizations {
      guard let tenant = fold.tenantNumber(entry.tenant) else { continue }
      entries[Place(tenant: tenant, period: entry.period)] = entry
    }
    // What the log finalizes, as far as it still names it, and Postgres has not shown yet.
    var missing = Set(entries.keys)
    for tenant in 0..<UInt32(fold.tenantCount) {
      if let last = fold.finalizedThrough(tenant) {
        missing.insert(Place(tenant: tenant, period: last))
      }
    }
    var before: (place: Place, closing: Int128)?
    for period in periods {
      let tenant = fold.tenantNumber(period.row.tenant)
      let place = tenant.map { Place(tenant: $0, period: period.row.period) }
      if let place { missing.remove(place) }
      if before?.place.tenant != tenant { before = nil }
      var figures = state(of: period.row, place, fold)
      if let finalized = period.row.finalized {
        if let entry = place.flatMap({ entries[$0] }) {
          figures.add("finalized_at", finalized.time.text, log: entry.time.text)
          figures.add("finalized_by", finalized.operatorName, log: entry.operatorName)
          figures.add(
            "log_position", "\(finalized.position.rawValue)", log: "\(entry.position.rawValue)")
        }
        let opening = before?.closing ?? 0
        figures.add(
          period.figures, rows: sums(place, in: rows).named(opening: opening),
          log: deleted.spares(period.row.period)
            ? sums(place, in: log).named(opening: opening) : nil)
        before = place.map { ($0, finalized.closingLevel) }
      } else if before == nil || before?.place.period.next == period.row.period {
        figures.add("opening_level", "\(period.row.openingLevel)", rows: "\(before?.closing ?? 0)")
      }
      if !figures.all.isEmpty {
        note(period.row.tenant, period.row.period, figures.all)
      } else if period.row.finalized != nil {
        equal += 1
      }
    }
    for place in missing.sorted(by: { ($0.tenant, $0.period) < ($1.tenant, $1.period) }) {
      note(
        fold.tenant(place.tenant), place.period,
        [PeriodDifference.Figure(name: "state", log: "finalized")])
    }
  }

  private func state(
    of row: PeriodRow, _ place: Place?, _ fold: borrowing LogFold
  ) -> DifferingFigures {
    let through = place.flatMap { fold.finalizedThrough($0.tenant) }
    var figures = DifferingFigures()
    figures.add(
      "state", row.finalized == nil ? "open" : "finalized",
      log: through.map { row.period <= $0 } == true ? "finalized" : "open")
    return figures
  }

  private func sums(_ place: Place?, in sums: [Place: PeriodFigures]) -> PeriodFigures {
    place.flatMap { sums[$0] } ?? PeriodFigures()
  }

  private mutating func note(
    _ tenant: String, _ period: BillingPeriod, _ figures: [PeriodDifference.Figure]
  ) {
    differing += 1
    guard differences.count < limit else { return }
    differences.append(PeriodDifference(tenant: tenant, period: period, figures: figures))
  }
}

extension PeriodComparison {
  /// Adds what comparing another partition's periods has shown.
  mutating func add(_ other: PeriodComparison) {
    equal += other.equal
    differing += other.differing
    let all = (differences + other.differences).sorted { left, right in
      left.tenant == right.tenant
        ? left.period < right.period
        : left.tenant.utf8.lexicographicallyPrecedes(right.tenant.utf8)
    }
    differences = Array(all.prefix(limit))
  }
}

/// The figures of one row that differ.
private struct DifferingFigures {
  var all: [PeriodDifference.Figure] = []

  /// Keeps a figure unless it is what its rows and the log give.
  mutating func add(_ name: String, _ found: String?, rows: String? = nil, log: String? = nil) {
    if (rows ?? found) == found, (log ?? found) == found { return }
    all.append(PeriodDifference.Figure(name: name, found: found, rows: rows, log: log))
  }

  /// Keeps those figures of a finalized row that are not what its rows, and the log if it is given,
  /// make them.
  mutating func add(_ found: [String: String], rows: [String: String], log: [String: String]?) {
    var names = Set(found.keys).union(rows.keys)
    if let log { names.formUnion(log.keys) }
    for name in names.sorted() {
      add(
        name, found[name] ?? Self.nothing, rows: rows[name] ?? Self.nothing,
        log: log.map { $0[name] ?? Self.nothing })
    }
  }

  /// A kind of usage that there was none of stands nowhere in `totals`.
  private static let nothing = "nothing"
}
