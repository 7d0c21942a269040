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
  /// The period that it is booked in.
  public var bookingPeriod: BillingPeriod
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
  /// The period.
  public var period: BillingPeriod
  /// Stored bytes at the start of the period; final once the period before is finalized.
  public var openingLevel: Int128
  /// What is fixed since the period was finalized; nil while it is open.
  public var finalized: FinalizedPeriod?
}

/// The part of a row of `billing_periods` that only a finalized period has.
public struct FinalizedPeriod: Sendable, Hashable {
  /// When, by the ledger's time.
  public var time: Timestamp
  /// Who asked for it.
  public var operatorName: String
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
  /// Stored bytes at the end of the period.
  public var closingLevel: Int128
}
