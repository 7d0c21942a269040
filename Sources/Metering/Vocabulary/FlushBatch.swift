public import SegmentLog
public import Wire

/// The place in the log up to which rollups are in Postgres.
public typealias Checkpoint = ChainPoint

/// Where a rollup row stands: its usage without the hour.
///
/// Names are compared and hashed by their bytes, as the log and Postgres compare them. `String`
/// itself takes texts for equal that Unicode calls canonically equivalent; here they are two rows.
public struct UsageSubject: Sendable, Hashable {
  /// The tenant's name.
  public var tenant: String
  /// The kind.
  public var kind: UsageKind
  /// The operation's name.
  public var operation: String
  /// The context's type.
  public var contextType: ContextType
  /// The context's name; empty for none.
  public var context: String

  /// A subject of usage.
  public init(
    tenant: String, kind: UsageKind, operation: String, contextType: ContextType, context: String
  ) {
    self.tenant = tenant
    self.kind = kind
    self.operation = operation
    self.contextType = contextType
    self.context = context
  }

  /// Whether all names have the same bytes.
  public static func == (left: UsageSubject, right: UsageSubject) -> Bool {
    left.kind == right.kind && left.contextType == right.contextType
      && left.tenant.utf8.elementsEqual(right.tenant.utf8)
      && left.operation.utf8.elementsEqual(right.operation.utf8)
      && left.context.utf8.elementsEqual(right.context.utf8)
  }

  /// Feeds the bytes of all names.
  public func hash(into hasher: inout Hasher) {
    hasher.combine(kind)
    hasher.combine(contextType)
    for name in [tenant, operation, context] {
      for byte in name.utf8 { hasher.combine(byte) }
      // No name holds this byte: it is not UTF-8.
      hasher.combine(0xFF as UInt8)
    }
  }
}

/// What a flush adds to one row of `usage_hourly`.
public struct RollupIncrement: Sendable, Hashable {
  /// What was used.
  public var subject: UsageSubject
  /// The hour of the event times.
  public var hour: Hour
  /// What to add.
  public var sums: UsageSums

  /// An increment of one row.
  public init(subject: UsageSubject, hour: Hour, sums: UsageSums) {
    self.subject = subject
    self.hour = hour
    self.sums = sums
  }
}

/// What a flush adds to one row of `usage_adjustments`: late usage for a finalized period.
public struct AdjustmentIncrement: Sendable, Hashable {
  /// What was used.
  public var subject: UsageSubject
  /// The hour of the event times, inside a finalized period.
  public var originHour: Hour
  /// The first hour of the open period that the usage is booked in, as decided when it was
  /// appended.
  public var bookingStart: Hour
  /// What to add. Byte-milliseconds run from the event time to the start of the booking period.
  public var sums: UsageSums

  /// An increment of one row.
  public init(
    subject: UsageSubject, originHour: Hour, bookingStart: Hour, sums: UsageSums
  ) {
    self.subject = subject
    self.originHour = originHour
    self.bookingStart = bookingStart
    self.sums = sums
  }
}

/// A finalized period of one tenant, as its record in the log says.
public struct PeriodFinalization: Sendable, Hashable {
  /// The tenant's name.
  public var tenant: String
  /// The period and its hours.
  public var bounds: PeriodBounds
  /// When, by the ledger's time.
  public var time: Timestamp
  /// Who asked for it.
  public var operatorName: String
  /// The job that asked for it; nil for a command.
  public var run: Int64?
  /// The position of the ``GapAcceptance`` that it relies on; nil while no gap was in the way.
  public var acceptance: LogPosition?
  /// The position of its record in the log.
  public var position: LogPosition

  /// A finalized period of one tenant.
  public init(
    tenant: String, bounds: PeriodBounds, time: Timestamp, operatorName: String, run: Int64? = nil,
    acceptance: LogPosition? = nil, position: LogPosition
  ) {
    self.tenant = tenant
    self.bounds = bounds
    self.time = time
    self.operatorName = operatorName
    self.run = run
    self.acceptance = acceptance
    self.position = position
  }
}

/// Sequences of one source that an operator gave up.
public struct AcceptedGaps: Sendable, Hashable {
  /// The source and epoch.
  public var source: SourceIdentity
  /// What is missing, ascending.
  public var missing: [ClosedRange<UInt64>]

  /// Sequences of one source that an operator gave up.
  public init(source: SourceIdentity, missing: [ClosedRange<UInt64>]) {
    self.source = source
    self.missing = missing
  }
}

/// An operator's word that gaps shall not keep periods open.
public struct GapAcceptance: Sendable, Hashable {
  /// The gaps.
  public var gaps: [AcceptedGaps]
  /// Why.
  public var reason: String
  /// Who said so.
  public var operatorName: String
  /// When, by the ledger's time.
  public var time: Timestamp
  /// The position of its record in the log.
  public var position: LogPosition

  /// An operator's word that gaps shall not keep periods open.
  public init(
    gaps: [AcceptedGaps], reason: String, operatorName: String, time: Timestamp,
    position: LogPosition
  ) {
    self.gaps = gaps
    self.reason = reason
    self.operatorName = operatorName
    self.time = time
    self.position = position
  }
}

/// Everything that one flush writes to Postgres in one transaction.
public struct FlushBatch: Sendable {
  /// The installation whose log this is.
  public var installation: InstallationID
  /// The partition whose log this is.
  public var partition: UInt16
  /// The random token of this attempt, logged before it; it settles a lost `COMMIT`.
  public var token: UInt128
  /// The checkpoint that must stand in Postgres before.
  public var from: Checkpoint
  /// The checkpoint that stands there after.
  public var to: Checkpoint
  /// Number of records in the span (accepted and late).
  public var records: Int64
  /// Increments of `usage_hourly`, strictly ascending by the bytes of
  /// (tenant, hour, kind, operation, context type, context).
  public var rollups: [RollupIncrement]
  /// Increments of `usage_adjustments`, in the same order with the booking last.
  public var adjustments: [AdjustmentIncrement]
  /// Hours that this span closes, ascending.
  public var closedHours: [Hour]
  /// Records that this span corrects, in the order of the log.
  public var corrections: [LoggedCorrection]
  /// Gaps that this span accepts, in the order of the log.
  public var acceptances: [GapAcceptance]
  /// Periods that this span finalizes, in the order of the log; applied after the rows.
  public var finalizations: [PeriodFinalization]
  /// The calendars that say which open period each row belongs to.
  public var calendars: CalendarTable

  /// Everything that one flush writes.
  public init(
    installation: InstallationID, partition: UInt16, token: UInt128, from: Checkpoint,
    to: Checkpoint, records: Int64, rollups: [RollupIncrement],
    adjustments: [AdjustmentIncrement], closedHours: [Hour],
    corrections: [LoggedCorrection] = [], acceptances: [GapAcceptance] = [],
    finalizations: [PeriodFinalization], calendars: CalendarTable = .empty
  ) {
    self.installation = installation
    self.partition = partition
    self.token = token
    self.from = from
    self.to = to
    self.records = records
    self.rollups = rollups
    self.adjustments = adjustments
    self.closedHours = closedHours
    self.corrections = corrections
    self.acceptances = acceptances
    self.finalizations = finalizations
    self.calendars = calendars
  }
}
