public import Database
internal import EventLoop
public import Metering
internal import SegmentLog
internal import Wire

/// A job that an operator asks for, checked.
public struct JobOrder: Sendable, Hashable {
  /// What is to be done.
  public let kind: JobKind
  /// To what.
  public private(set) var arguments: JobArguments

  /// What would become of a tenant's period.
  public struct Effect: Codable, Sendable, Hashable {
    /// The tenant.
    public var tenant: String
    /// `export`, or `finalize` or why not.
    public var effect: String
  }

  /// An order.
  ///
  /// - Throws: ``CommandFailure`` if the arguments do not belong to the kind, or the period is not
  ///   over.
  public init(
    _ kind: JobKind, _ arguments: JobArguments, calendars: CalendarTable = .empty
  ) throws(CommandFailure) {
    let (period, tenant) = (try arguments.billingPeriod(), arguments.tenant)
    let isExport = arguments.what != nil || arguments.format != nil || arguments.compress != nil
    if isExport, kind != .export {
      throw CommandFailure("--what, --format and --compress go with export", exit: .usage)
    }
    switch kind {
    case .finalize, .export:
      guard let period else {
        throw CommandFailure(
          "--period is missing; allowed: a month such as 2026-01", exit: .usage)
      }
      if arguments.what == .records, tenant == nil {
        throw CommandFailure(
          "--tenant is missing: records are exported for one tenant", exit: .usage)
      }
      let now = Timestamp(milliseconds: EventLoop.wallMilliseconds())
      let end = calendars.schedule(of: tenant ?? "").bounds(of: period).end
      guard end.start <= now else {
        throw CommandFailure("period \(period.text) is not over: it ends at \(end.text)")
      }
    case .verify: break
    }
    self.kind = kind
    self.arguments = arguments
    if kind == .export { self.arguments.what = arguments.what ?? .rollups }
  }

  /// What the job would do as Postgres stands: each tenant that it means, ascending by name; none
  /// for a verification, which changes nothing.
  ///
  /// - Throws: ``CommandFailure`` if Postgres cannot be asked, or knows no usage that is meant, or
  ///   if the period of an export is not finalized.
  public func effects(in database: RollupDatabase) throws(CommandFailure) -> [Effect] {
    guard kind != .verify, let period = try arguments.billingPeriod() else { return [] }
    var rows: [PeriodRow] = []
    do {
      try database.snapshot { snapshot in
        if kind == .export {
          try arguments.scope(.empty)?.requireKnown(snapshot, isFinal: true)
        }
        try snapshot.periods(tenant: arguments.tenant) { rows.append($0) }
      }
    } catch {
      throw LogVerifier.failure(error)
    }
    guard kind == .finalize else {
      return rows.filter { $0.period == period }.map { Effect(tenant: $0.tenant, effect: "export") }
    }
    return try finalizing(period, rows)
  }

  private func finalizing(
    _ period: BillingPeriod, _ rows: [PeriodRow]
  ) throws(CommandFailure) -> [Effect] {
    var effects: [Effect] = []
    var isBlocked = false
    for row in rows where row.period <= period {
      if effects.last?.tenant != row.tenant {
        effects.append(Effect(tenant: row.tenant, effect: "nothing: it has no usage until then"))
        isBlocked = false
      }
      guard !isBlocked else { continue }
      let isOpen = row.finalized == nil
      if row.period == period {
        effects[effects.count - 1].effect =
          isOpen ? "finalize" : "nothing: it is finalized already"
      } else if isOpen {
        effects[effects.count - 1].effect = "refuse: \(row.period.text) is open"
        isBlocked = true
      }
    }
    if let tenant = arguments.tenant, effects.isEmpty {
      throw CommandFailure(
        "Postgres knows no usage of tenant \(tenant) up to \(period.text)")
    }
    return effects
  }

  /// Puts the job in; it is due at once.
  ///
  /// - Parameters:
  ///   - database: Postgres.
  ///   - layout: the data directory of the installation whose job it is.
  ///   - attempts: after which it is given up.
  ///   - operatorName: who asks.
  /// - Returns: the job's number.
  public func insert(
    into database: RollupDatabase, of layout: DataDirectoryLayout, attempts: Int,
    operatorName: String
  ) throws(CommandFailure) -> Int64 {
    let job = NewJob(
      kind: kind.rawValue, arguments: arguments.text, maximumAttempts: attempts,
      createdBy: operatorName)
    do {
      return try database.insertJob(job, of: layout.readInstallation().id)
    } catch {
      throw CommandFailure("\(error)")
    }
  }
}
