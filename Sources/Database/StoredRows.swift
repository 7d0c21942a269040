public import Metering
public import SegmentLog
public import Wire

/// How far a partition's log is contained in the tables.
public struct StoredCheckpoint: Sendable, Hashable {
  /// The installation whose log it is.
  public var installation: InstallationID
  /// The partition.
  public var partition: UInt16
  /// The place in the log.
  public var place: Checkpoint
  /// The token of the flush that put it there.
  public var token: UInt128
  /// The id of that flush.
  public var flush: Int64
}

/// A row of `usage_hourly`.
public struct UsageRow: Sendable, Hashable {
  /// What was used.
  public var subject: UsageSubject
  /// The hour of the event times.
  public var hour: Hour
  /// The sums.
  public var sums: UsageSums
  /// The last flush that changed the row.
  public var flush: Int64
}

/// A row of `usage_adjustments`.
public struct AdjustmentRow: Sendable, Hashable {
  /// What was used.
  public var subject: UsageSubject
  /// The hour of the event times, inside a finalized period.
  public var originHour: Hour
  /// The first hour of the period that it is booked in.
  public var bookingStart: Hour
  /// The sums.
  public var sums: UsageSums
  /// The last flush that changed the row.
  public var flush: Int64
}

/// A row of `closed_hours`.
public struct ClosedHour: Sendable, Hashable {
  /// The hour.
  public var hour: Hour
  /// The partition that closed it.
  public var partition: UInt16
}

/// A row of `billing_periods`.
public struct PeriodRow: Sendable, Hashable {
  /// The tenant's name.
  public var tenant: String
  /// The period and its hours; those of an open period follow the calendar.
  public var bounds: PeriodBounds
  /// Stored bytes at the start of the period; 0 until the period before is finalized.
  public var openingLevel: Int128
  /// What is fixed since the period was finalized; nil while it is open.
  public var finalized: FinalizedPeriod?

  /// The period's name.
  public var period: BillingPeriod { bounds.period }
}

/// The part of a row of `billing_periods` that only a finalized period has.
public struct FinalizedPeriod: Sendable, Hashable {
  /// When, by the ledger's time.
  public var time: Timestamp
  /// Who asked for it.
  public var operatorName: String
  /// The job that asked for it; nil for a command.
  public var run: Int64?
  /// The acceptance of gaps that it relies on; nil if no gap was in the way.
  public var acceptance: AcceptanceRow?
  /// The partition whose log holds the record.
  public var partition: UInt16
  /// The position of the record in the log.
  public var position: LogPosition
  /// Number of records, adjustments booked in the period included.
  public var records: Int64
  /// Sum of the digests of the period's rows in `usage_hourly`.
  public var digest: UInt128
  /// Sum of the digests of the adjustments booked in the period.
  public var adjustmentsDigest: UInt128
  /// Sums by kind as JSON: `{"usage": {kind: {…}}, "adjustments": {kind: {…}}}`.
  public var totals: String
  /// Sums by kind and operation as JSON:
  /// `{"usage": {kind: {operation: {…}}}, "adjustments": {kind: {operation: {…}}}}`.
  public var operationTotals: String
  /// Stored bytes at the end of the period.
  public var closingLevel: Int128
}

/// A row of `storage_hours`: the stored bytes of a tenant in a closed hour.
public struct StorageHour: Sendable, Hashable {
  /// The hour.
  public var hour: Hour
  /// Stored bytes at the end of the hour.
  public var level: Int128
  /// Byte-milliseconds of the bytes that the hour begins with, through the hour, and of the hour's
  /// own changes.
  public var byteMilliseconds: Int128
  /// Byte-milliseconds that late usage adds for the time before; only the first hour of a period
  /// has any.
  public var lateByteMilliseconds: Int128
}

/// A row of `gap_acceptances`.
public struct AcceptanceRow: Sendable, Hashable {
  /// The partition whose log holds it.
  public var partition: UInt16
  /// Its position in that log.
  public var position: LogPosition
  /// When, by the ledger's time.
  public var time: Timestamp
  /// Who accepted.
  public var operatorName: String
  /// Why.
  public var reason: String
  /// What is missing, as JSON: `[{"source": …, "epoch": …, "missing": [[first, last], …]}, …]`.
  public var gaps: String
}
