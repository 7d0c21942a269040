public import Dedup

/// Everything that configures a ledger. Times are in milliseconds.
public struct LedgerConfiguration: Sendable {
  /// How old a new record may be: the acceptance window back, W.
  public var acceptanceBack: Int64 = 35 * 24 * Hour.milliseconds
  /// How far ahead a record may be: the acceptance window ahead, S.
  public var acceptanceAhead: Int64 = Hour.milliseconds
  /// How long and how many keys are remembered, and what they may take.
  public var dedup = DedupLimits()
  /// How long after its end an hour is closed.
  public var closeGrace: Int64 = 600_000
  /// How many distinct tenants are known at most.
  public var maximumTenants = 100_000
  /// How many distinct operations are known at most.
  public var maximumOperations = 4_096
  /// How many distinct contexts one tenant has before the overflow context takes the rest.
  public var contextsPerTenant = 10_000
  /// How many distinct contexts are known at most over all tenants.
  public var maximumContexts = 1_000_000
  /// How many sources and epochs are known at most.
  public var maximumSources = 100_000
  /// How many separate ranges of sequences one source and epoch may have.
  public var gapsPerSource = 4_096
  /// How many rollup rows may wait for Postgres.
  public var maximumUnflushedRows = 2_000_000
  /// How many receipts are kept with their details.
  public var receiptDetails = 262_144
  /// Size after which a segment is followed by a new one, in bytes.
  public var segmentSize = 256 << 20
  /// Age after which a segment that holds records is followed by a new one.
  public var segmentAge: Int64 = Hour.milliseconds
  /// How far ahead of the log a start may find the clock.
  public var clockMaximumAdvance: Int64 = 7 * 24 * Hour.milliseconds
  /// Weights of operations.
  public var weights: WeightTable
  /// Calendars of tenants.
  public var calendars = CalendarTable.empty
  /// How many voided and replayed records are remembered at most.
  public var maximumCorrections = 100_000
  /// The canonical text of the whole configuration, for the log.
  public var canonicalText: String

  /// A configuration with the defaults, apart from what is given.
  public init(weights: WeightTable, canonicalText: String) {
    self.weights = weights
    self.canonicalText = canonicalText
  }
}
