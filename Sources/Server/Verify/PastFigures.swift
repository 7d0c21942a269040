public import Database
public import Metering
internal import SegmentLog
public import Wire

/// What a period came to at a moment in the past, as the log gives it.
///
/// A moment is a flush: of each partition what its last flush up to that one covered. What was
/// fixed by then, a finalized period, is compared with `billing_periods`; of an open one Postgres
/// holds no past to compare with.
public struct PastFigures: Sendable {
  /// What became of the figures of one tenant.
  public enum Outcome: String, Sendable, Encodable {
    /// The period was finalized by then, and its row says the same.
    case equal
    /// The period was finalized by then, and its row says something else.
    case differs
    /// The period was open then.
    case open
    /// Deleted segments had some of the usage: the figures are those of the rest.
    case beyondRetention = "beyond retention"
  }

  /// The figures of one tenant.
  public struct Tenant: Sendable {
    /// The tenant's name.
    public var tenant: String
    /// What became of them.
    public var outcome: Outcome
    /// The figures by name, such as `totals.usage.traffic.records`; those of single operations are
    /// compared too, but not here. Levels are there if the period was finalized by then.
    public var figures: [String: String]
    /// What differs, one sentence each.
    public var differences: [String]
  }

  /// The flush that was last committed by then.
  public let flush: Int64
  /// When it was written, by the server's clock.
  public let time: Timestamp
  /// The positions up to which the logs were folded, by partition.
  public let positions: [UInt64]
  /// The tenants that had usage or a finalized period then, by the bytes of their names.
  public let tenants: [Tenant]

  /// How a command that computed them ends.
  public var exit: CommandExit {
    if tenants.contains(where: { $0.outcome == .differs }) { return .refused }
    return tenants.contains { $0.outcome == .beyondRetention } ? .beyondRetention : .done
  }

  /// Folds the logs up to a moment.
  ///
  /// - Parameters:
  ///   - moment: the flush, or a time on the clock of the database server.
  ///   - scope: the period, of all tenants or of one.
  ///   - layout: the data directory.
  ///   - database: Postgres.
  ///   - progress: told the bytes of the log that are done, and all of them.
  /// - Throws: ``CommandFailure`` if there was no such flush, or if the log is damaged; with
  ///   ``CommandExit/beyondRetention`` if the log no longer reaches back to the moment.
  public init(
    at moment: FlushMoment, of scope: FoldScope, in layout: DataDirectoryLayout,
    _ database: RollupDatabase, progress: (Int, Int) -> Void = { _, _ in }
  ) throws(CommandFailure) {
    do {
      let installation = try layout.readInstallation()
      let (flushes, periods) = try database.snapshot { snapshot in
        (
          try snapshot.flushes(upTo: moment),
          try StoredPeriod.read(snapshot, tenant: scope.tenant).filter {
            $0.row.period == scope.period && $0.row.finalized != nil
          }
        )
      }
      guard let last = flushes.max(by: { $0.id < $1.id }) else { throw Self.noFlush(moment) }
      (flush, time) = (last.id, last.time)
      let ends = (0..<installation.partitionCount).map { number in
        flushes.first { $0.partition == number }?.end ?? LogPosition(0)
      }
      positions = ends.map(\.rawValue)
      let logs = try ends.enumerated().map { number, end in
        try PartitionLog(
          PartitionFiles(layout.partition(UInt16(number))), of: installation, upTo: end,
          scope: scope)
      }
      let total = logs.reduce(0) { $0 + $1.byteCount }
      var done = 0
      var found: [Tenant] = []
      for (number, log) in logs.enumerated() {
        try log.add { bytes in
          done += bytes
          progress(done, total)
        }
        let fixed = periods.filter {
          guard let finalized = $0.row.finalized else { return false }
          return finalized.partition == number && finalized.position < ends[number]
        }
        found += try Self.figures(log, scope, fixed)
      }
      tenants = found.sorted { $0.tenant.utf8.lexicographicallyPrecedes($1.tenant.utf8) }
    } catch {
      throw LogVerifier.failure(error)
    }
  }

  private static func figures(
    _ log: PartitionLog, _ scope: FoldScope, _ periods: [StoredPeriod]
  ) throws -> [Tenant] {
    let deleted = try log.deleted()
    var sums: [UInt32: PeriodFigures<UInt32>] = [:]
    log.fold.forEachRow { key, expected, _ in
      guard let expected, let kind = UsageKind(rawValue: key.kind) else { return }
      sums[key.tenant, default: PeriodFigures()].add(
        expected, kind: kind, operation: key.operation,
        isAdjustment: key.booking != RollupKey.notLate)
    }
    var tenants: [Tenant] = []
    for period in periods {
      let number = log.fold.tenantNumber(period.row.tenant)
      let figures = (number.flatMap { sums.removeValue(forKey: $0) } ?? PeriodFigures())
        .named(opening: period.row.openingLevel) { log.fold.operation($0) }
      tenants.append(try compare(period, figures, isWhole: deleted.spares(period.row.bounds)))
    }
    for (number, figures) in sums {
      let tenant = log.fold.tenant(number)
      let isWhole = deleted.spares(scope.bounds(of: tenant) ?? scope.hull)
      // Levels are known once the period before is finalized; here they are changes alone.
      let named = figures.named(opening: 0) { log.fold.operation($0) }
        .filter { !($0.key.path.first?.hasSuffix("_level") ?? false) }
      tenants.append(
        Tenant(
          tenant: tenant, outcome: isWhole ? .open : .beyondRetention, figures: byKind(named),
          differences: []))
    }
    return tenants
  }

  private static func compare(
    _ period: StoredPeriod, _ figures: [FigureName: String], isWhole: Bool
  ) throws -> Tenant {
    var tenant = Tenant(
      tenant: period.row.tenant, outcome: .beyondRetention, figures: byKind(figures),
      differences: [])
    guard isWhole else { return tenant }
    let stored = try period.figures
    for name in Set(figures.keys).union(stored.keys).sorted()
    where figures[name] != stored[name] {
      tenant.differences.append(
        "\(period.name): \(name.text) is \(stored[name] ?? "nothing"), the log gives "
          + (figures[name] ?? "nothing"))
    }
    tenant.outcome = tenant.differences.isEmpty ? .equal : .differs
    return tenant
  }

  /// The figures but for those of single operations.
  private static func byKind(_ figures: [FigureName: String]) -> [String: String] {
    var named: [String: String] = [:]
    for (name, value) in figures where !name.isOfOperation { named[name.text] = value }
    return named
  }

  private static func noFlush(_ moment: FlushMoment) -> CommandFailure {
    switch moment {
    case .flush(let id): CommandFailure("there is no flush \(id)")
    case .time(let time): CommandFailure("there was no flush by \(time.text)")
    }
  }
}
