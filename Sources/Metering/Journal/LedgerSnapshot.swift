public import SegmentLog
public import Wire

/// The ledger's small state, written at the head of each segment, so that any retained suffix of
/// the log is enough to start from.
public struct LedgerSnapshot: Sendable, Hashable {
  /// What the ledger knows of a tenant's periods.
  public struct Tenant: Sendable, Hashable {
    /// The tenant's name.
    public var name: String
    /// The earliest period that usage was accepted for, nil while there is none.
    public var firstPeriod: BillingPeriod?
    /// The last finalized period, nil while there is none.
    public var finalizedThrough: BillingPeriod?
  }

  /// Which batches of a source were judged.
  public struct Source: Sendable, Hashable {
    /// The source and its epoch.
    public var identity: SourceIdentity
    /// The highest sequence that the source said it issued.
    public var highestIssued: UInt64
    /// The arrival of its last batch.
    public var lastArrival: Timestamp
    /// The sequences that have a receipt, as `SequenceSet` encodes them.
    public var sequences: [UInt8]
  }

  /// The ledger's time.
  public var time: Timestamp
  /// The configuration in force, nil before the first.
  public var configuration: ConfigurationRecord?
  /// The last closed hour, nil before the first.
  public var closedThrough: Hour?
  /// The arrival from which the key index is known to be complete; nil means from the beginning.
  public var horizon: Timestamp?
  /// The largest acceptance window ahead that was ever in force, in milliseconds.
  public var largestAhead: Int64
  /// The last checkpoint known to be in Postgres.
  public var checkpoint: Checkpoint
  /// The flush that was begun and not yet known to be committed.
  public var attempt: FlushAttempt?
  /// All tenants, ascending by name.
  public var tenants: [Tenant]
  /// All sources, ascending by name and epoch.
  public var sources: [Source]
  /// The segment before; nil for the first one, and where a ledger or an older version did not say.
  public var previous: LoggedSegment?
}

extension LedgerSnapshot {
  func encode(into writer: inout EntryWriter) {
    writer.signed(time.milliseconds)
    writer.byte(configuration == nil ? 0 : 1)
    configuration?.encode(into: &writer)
    writer.byte(closedThrough == nil ? 0 : 1)
    if let closedThrough { writer.signed(Int64(closedThrough.index)) }
    writer.byte(horizon == nil ? 0 : 1)
    if let horizon { writer.signed(horizon.milliseconds) }
    writer.signed(largestAhead)
    checkpoint.encode(into: &writer)
    writer.byte(attempt == nil ? 0 : 1)
    attempt?.encode(into: &writer)
    writer.varint(UInt64(tenants.count))
    for tenant in tenants {
      writer.text(tenant.name)
      writer.byte(tenant.firstPeriod == nil ? 0 : 1)
      if let period = tenant.firstPeriod { writer.signed(Int64(period.month)) }
      writer.byte(tenant.finalizedThrough == nil ? 0 : 1)
      if let period = tenant.finalizedThrough { writer.signed(Int64(period.month)) }
    }
    writer.varint(UInt64(sources.count))
    for source in sources {
      writer.text(source.identity.name)
      writer.word(source.identity.epoch)
      writer.varint(source.highestIssued)
      writer.signed(source.lastArrival.milliseconds)
      writer.blob(source.sequences)
    }
    writer.byte(previous == nil ? 0 : 1)
    previous?.encode(into: &writer)
  }

  /// - Parameter hasPrevious: false for the older version, which ends before that.
  init(from reader: inout EntryReader, hasPrevious: Bool) throws(JournalError) {
    time = try reader.timestamp()
    configuration = try reader.flag() ? try ConfigurationRecord(from: &reader) : nil
    closedThrough = try reader.flag() ? try reader.hour("the closed hour") : nil
    horizon = try reader.flag() ? try reader.timestamp() : nil
    largestAhead = try reader.duration("a window ahead")
    checkpoint = try Checkpoint(from: &reader)
    attempt = try reader.flag() ? try FlushAttempt(from: &reader) : nil
    tenants = []
    for _ in 0..<(try reader.count("tenants")) {
      let name = try reader.text("a tenant")
      let first = try reader.flag() ? try reader.period("a tenant's first period") : nil
      let finalized = try reader.flag() ? try reader.period("a tenant's finalized period") : nil
      tenants.append(Tenant(name: name, firstPeriod: first, finalizedThrough: finalized))
    }
    sources = []
    for _ in 0..<(try reader.count("sources")) {
      let name = try reader.text("a source")
      let identity = SourceIdentity(name: name, epoch: try reader.word())
      let highest = try reader.varint()
      let arrival = try reader.timestamp()
      sources.append(
        Source(
          identity: identity, highestIssued: highest, lastArrival: arrival,
          sequences: try reader.blob("a source's sequences")))
    }
    if hasPrevious, try reader.flag() {
      previous = try LoggedSegment(from: &reader, tenantCount: tenants.count)
    }
  }
}

extension EntryReader {
  mutating func flag() throws(JournalError) -> Bool {
    let value = try byte()
    guard value <= 1 else { throw failure("a flag is \(value); allowed are 0 and 1") }
    return value == 1
  }
}
