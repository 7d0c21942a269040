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
  public let arguments: JobArguments

  /// What would become of a tenant's period.
  public struct Effect: Codable, Sendable, Hashable {
    /// The tenant.
    public var tenant: String
    /// `finalize`, or why not.
    public var effect: String
  }

  /// An order.
  ///
  /// - Throws: ``CommandFailure`` if the options do not belong to the kind, or the period is not
  ///   over.
  public init(
    _ kind: JobKind, period: BillingPeriod?, tenant: String?, calendars: CalendarTable = .empty
  ) throws(CommandFailure) {
    switch kind {
    case .finalize:
      guard let period else {
        throw CommandFailure(
          "--period is missing; allowed: a month such as 2026-01", exit: .usage)
      }
      let now = Timestamp(milliseconds: EventLoop.wallMilliseconds())
      let end = calendars.schedule(of: tenant ?? "").bounds(of: period).end
      guard end.start <= now else {
        throw CommandFailure("period \(period.text) is not over: it ends at \(end.text)")
      }
    case .verify:
      guard period == nil, tenant == nil else {
        throw CommandFailure(
          "verify compares everything; allowed: no --period and no --tenant", exit: .usage)
      }
    case .export:
      throw CommandFailure("there is no job of kind export yet; allowed: finalize, verify")
    }
    self.kind = kind
    arguments = JobArguments(period: period?.text, tenant: tenant)
  }

  /// What the job would do as Postgres stands: each tenant that it means, ascending by name.
  ///
  /// - Throws: ``CommandFailure`` if Postgres cannot be asked, or knows no usage of the tenant.
  public func effects(in database: RollupDatabase) throws(CommandFailure) -> [Effect] {
    guard let period = arguments.period.flatMap({ try? BillingPeriod(parsing: $0) }) else {
      return []
    }
    var rows: [PeriodRow] = []
    do {
      try database.snapshot { snapshot in
        try snapshot.periods(tenant: arguments.tenant) { rows.append($0) }
      }
    } catch {
      throw CommandFailure("\(error)")
    }
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
