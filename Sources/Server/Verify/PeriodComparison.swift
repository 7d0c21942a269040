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
    var start: Hour
  }

  private struct Finalized: Hashable {
    var tenant: UInt32
    var period: BillingPeriod
  }

  private let limit: Int
  private let periods: [StoredPeriod]
  /// The hours of the finalized periods that Postgres knows, by tenant, ascending.
  private var bounds: [UInt32: [PeriodBounds]] = [:]
  /// Sums by the numbers of operations.
  private var rows: [Place: PeriodFigures<UInt32>] = [:]
  private var log: [Place: PeriodFigures<UInt32>] = [:]

  /// A comparison of nothing yet.
  ///
  /// - Parameter limit: how many differences are kept.
  public init(limit: Int) {
    self.limit = limit
    periods = []
  }

  /// A comparison of nothing yet.
  ///
  /// - Parameters:
  ///   - periods: the rows of `billing_periods`, by tenant and period.
  ///   - fold: the log.
  ///   - limit: how many differences are kept.
  init(_ periods: [StoredPeriod], _ fold: borrowing LogFold, limit: Int) {
    self.limit = limit
    self.periods = periods
    for period in periods where period.row.finalized != nil {
      guard let tenant = fold.tenantNumber(period.row.tenant) else { continue }
      bounds[tenant, default: []].append(period.row.bounds)
    }
  }

  /// The first hour of the finalized period that an hour lies in; nil if Postgres has none.
  private func start(ofPeriodWith hour: Hour, _ tenant: UInt32) -> Hour? {
    guard let periods = bounds[tenant] else { return nil }
    var (low, high) = (0, periods.count)
    while low < high {
      let middle = (low + high) / 2
      if periods[middle].end <= hour { low = middle + 1 } else { high = middle }
    }
    return low < periods.count && periods[low].contains(hour) ? periods[low].start : nil
  }

  /// Takes a row of usage.
  ///
  /// - Parameters:
  ///   - key: its key.
  ///   - kept: what the retained log gives.
  ///   - stored: what Postgres holds.
  mutating func take(_ key: RollupKey, kept: UsageSums?, stored: UsageSums?) {
    guard let kind = UsageKind(rawValue: key.kind) else { return }
    let isLate = key.booking != RollupKey.notLate
    let hour = Hour(index: isLate ? key.booking : key.hour)
    guard let start = start(ofPeriodWith: hour, key.tenant) else { return }
    let place = Place(tenant: key.tenant, start: start)
    if let stored {
      rows[place, default: PeriodFigures()].add(
        stored, kind: kind, operation: key.operation, isAdjustment: isLate)
    }
    if let kept {
      log[place, default: PeriodFigures()].add(
        kept, kind: kind, operation: key.operation, isAdjustment: isLate)
    }
  }

  /// Compares once all rows are taken.
  ///
  /// - Parameters:
  ///   - fold: the log.
  ///   - deleted: what deleted segments held.
  ///   - scope: what is compared; nil for every period.
  /// - Throws: ``CommandFailure`` if the figures of a row cannot be read at all.
  mutating func finish(
    _ fold: borrowing LogFold, _ deleted: DeletedUsage, _ scope: FoldScope? = nil
  ) throws(CommandFailure) {
    var entries: [Finalized: PeriodFinalization] = [:]
    for entry in fold.finalizations {
      guard let tenant = fold.tenantNumber(entry.tenant) else { continue }
      entries[Finalized(tenant: tenant, period: entry.bounds.period)] = entry
    }
    // What the log finalizes, as far as it still names it, and Postgres has not shown yet.
    var missing = missing(fold, scope)
    var before: (tenant: UInt32, end: Hour, closing: Int128)?
    for period in periods {
      let tenant = fold.tenantNumber(period.row.tenant)
      let row = period.row
      let place = tenant.map { Place(tenant: $0, start: row.bounds.start) }
      let known = tenant.map { Finalized(tenant: $0, period: row.period) }
      if let known { missing.remove(known) }
      if before?.tenant != tenant { before = nil }
      if let wanted = scope?.period, row.period != wanted {
        if let closing = row.finalized?.closingLevel {
          before = tenant.map { ($0, row.bounds.end, closing) }
        }
        continue
      }
      var figures = state(of: row, tenant, fold)
      if let finalized = period.row.finalized {
        if let entry = known.flatMap({ entries[$0] }) { figures.add(row, finalized, log: entry) }
        let opening = before?.closing ?? 0
        figures.add(
          try period.figures, rows: named(place, in: rows, opening: opening, fold),
          log: deleted.spares(row.bounds) ? named(place, in: log, opening: opening, fold) : nil)
        before = tenant.map { ($0, row.bounds.end, finalized.closingLevel) }
      } else if before == nil || before?.end == row.bounds.start {
        figures.add("opening_level", "\(period.row.openingLevel)", rows: "\(before?.closing ?? 0)")
      }
      if !figures.all.isEmpty {
        note(row.tenant, row.bounds.period, figures.all)
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

  /// What the log finalizes, as far as it still names it.
  private func missing(_ fold: borrowing LogFold, _ scope: FoldScope?) -> Set<Finalized> {
    var found: Set<Finalized> = []
    for entry in fold.finalizations {
      guard let tenant = fold.tenantNumber(entry.tenant) else { continue }
      found.insert(Finalized(tenant: tenant, period: entry.bounds.period))
    }
    for tenant in 0..<UInt32(fold.tenantCount) {
      if let last = fold.finalizedThrough(tenant) {
        found.insert(Finalized(tenant: tenant, period: last))
      }
    }
    guard let scope else { return found }
    let tenant = scope.tenant.map { fold.tenantNumber($0) }
    return found.filter {
      (scope.period == nil || $0.period == scope.period) && (tenant == nil || $0.tenant == tenant)
    }
  }

  private func state(
    of row: PeriodRow, _ tenant: UInt32?, _ fold: borrowing LogFold
  ) -> DifferingFigures {
    let through = tenant.flatMap { fold.finalizedThrough($0) }
    var figures = DifferingFigures()
    figures.add(
      "state", row.finalized == nil ? "open" : "finalized",
      log: through.map { row.bounds.period <= $0 } == true ? "finalized" : "open")
    return figures
  }

  private func named(
    _ place: Place?, in sums: [Place: PeriodFigures<UInt32>], opening: Int128,
    _ fold: borrowing LogFold
  ) -> [FigureName: String] {
    (place.flatMap { sums[$0] } ?? PeriodFigures())
      .named(opening: opening) { fold.operation($0) }
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

  /// Keeps what the log says otherwise of a finalization.
  mutating func add(_ row: PeriodRow, _ finalized: FinalizedPeriod, log: PeriodFinalization) {
    add("finalized_at", finalized.time.text, log: log.time.text)
    add("finalized_by", finalized.operatorName, log: log.operatorName)
    add("log_position", "\(finalized.position.rawValue)", log: "\(log.position.rawValue)")
    add("period_start", row.bounds.start.text, log: log.bounds.start.text)
    add("period_end", row.bounds.end.text, log: log.bounds.end.text)
    add("run_id", Self.text(finalized.run), log: Self.text(log.run))
    add(
      "acceptance_position", Self.text(finalized.acceptance?.position.rawValue),
      log: Self.text(log.acceptance?.rawValue))
  }

  private static func text(_ number: (some BinaryInteger)?) -> String {
    number.map { "\($0)" } ?? "null"
  }

  /// Keeps those figures of a finalized row that are not what its rows, and the log if it is given,
  /// make them.
  mutating func add(
    _ found: [FigureName: String], rows: [FigureName: String], log: [FigureName: String]?
  ) {
    if found == rows, log == nil || log == found { return }
    var names = Set(found.keys).union(rows.keys)
    if let log { names.formUnion(log.keys) }
    for name in names.sorted() {
      add(
        name.text, found[name] ?? Self.nothing, rows: rows[name] ?? Self.nothing,
        log: log.map { $0[name] ?? Self.nothing })
    }
  }

  /// A kind or an operation that there was no usage of stands nowhere in the columns.
  private static let nothing = "nothing"
}
