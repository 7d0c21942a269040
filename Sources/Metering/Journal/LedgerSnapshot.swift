public import SegmentLog
public import Wire

/// The ledger's small state, written at the head of each segment, so that any retained suffix of
/// the log is enough to start from.
public struct LedgerSnapshot: Sendable, Hashable {
  /// What the ledger knows of a tenant's periods.
  public struct Tenant: Sendable, Hashable {
    /// The tenant's name.
    public var name: String
    /// The earliest hour that usage was accepted for or booked in, nil while there is none.
    public var firstHour: Hour?
    /// The last finalized period, nil while there is none.
    public var finalized: Finalized?
  }

  /// How far a tenant's usage is finalized.
  public struct Finalized: Sendable, Hashable {
    /// The last finalized period.
    public var period: BillingPeriod
    /// The hour after it.
    public var openFrom: Hour
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
    /// The arrival of the last batch behind which none was missing.
    public var completeThrough: Timestamp
    /// Missing sequences that an operator gave up, ascending.
    public var accepted: [ClosedRange<UInt64>]
  }

  /// A quarantined record that was taken.
  public struct Replayed: Sendable, Hashable {
    /// Its number in the quarantine.
    public var number: UInt64
    /// The position of the correction that took it.
    public var position: LogPosition
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
  /// Positions of records that are void, ascending.
  public var voided: [LogPosition]
  /// Quarantined records that were taken after all, ascending by number.
  public var replayed: [Replayed]
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
      writer.byte(tenant.firstHour == nil ? 0 : 1)
      if let hour = tenant.firstHour { writer.signed(Int64(hour.index)) }
      writer.byte(tenant.finalized == nil ? 0 : 1)
      if let finalized = tenant.finalized {
        writer.signed(Int64(finalized.period.month))
        writer.signed(Int64(finalized.openFrom.index))
      }
    }
    writer.varint(UInt64(sources.count))
    for source in sources {
      writer.text(source.identity.name)
      writer.word(source.identity.epoch)
      writer.varint(source.highestIssued)
      writer.signed(source.lastArrival.milliseconds)
      writer.blob(source.sequences)
      writer.signed(source.completeThrough.milliseconds)
      writer.ranges(source.accepted)
    }
    writer.ascending(voided.map(\.rawValue))
    writer.ascending(replayed.map(\.number))
    for record in replayed { writer.varint(record.position.rawValue) }
    writer.byte(previous == nil ? 0 : 1)
    previous?.encode(into: &writer)
  }

  init(from reader: inout EntryReader) throws(JournalError) {
    try self.init(from: &reader, isOlder: false)
    voided = try reader.ascending("voided records").map { LogPosition($0) }
    for number in try reader.ascending("replayed records") {
      replayed.append(Replayed(number: number, position: LogPosition(try reader.varint())))
    }
    previous =
      try reader.flag() ? try LoggedSegment(from: &reader, tenantCount: tenants.count) : nil
  }

  /// A snapshot of an older version: periods are calendar months in UTC, and it ends behind the
  /// sources.
  init(fromOlder reader: inout EntryReader) throws(JournalError) {
    try self.init(from: &reader, isOlder: true)
  }

  private init(from reader: inout EntryReader, isOlder: Bool) throws(JournalError) {
    time = try reader.timestamp()
    configuration =
      try reader.flag()
      ? try ConfigurationRecord(from: &reader, hasCalendars: !isOlder) : nil
    closedThrough = try reader.flag() ? try reader.hour("the closed hour") : nil
    horizon = try reader.flag() ? try reader.timestamp() : nil
    largestAhead = try reader.duration("a window ahead")
    checkpoint = try Checkpoint(from: &reader)
    attempt = try reader.flag() ? try FlushAttempt(from: &reader) : nil
    tenants = []
    for _ in 0..<(try reader.count("tenants")) {
      tenants.append(isOlder ? try Tenant(fromOlder: &reader) : try Tenant(from: &reader))
    }
    sources = []
    for _ in 0..<(try reader.count("sources")) {
      sources.append(try Source(from: &reader, isOlder: isOlder))
    }
    voided = []
    replayed = []
  }
}

extension LedgerSnapshot.Tenant {
  fileprivate init(from reader: inout EntryReader) throws(JournalError) {
    name = try reader.text("a tenant")
    firstHour = try reader.flag() ? try reader.hour("a tenant's first hour") : nil
    guard try reader.flag() else { return }
    let period = try reader.period("a tenant's finalized period")
    finalized = LedgerSnapshot.Finalized(
      period: period, openFrom: try reader.hour("a tenant's first open hour"))
  }

  fileprivate init(fromOlder reader: inout EntryReader) throws(JournalError) {
    name = try reader.text("a tenant")
    firstHour = try reader.flag() ? try reader.period("a tenant's first period").firstHour : nil
    guard try reader.flag() else { return }
    let period = try reader.period("a tenant's finalized period")
    finalized = LedgerSnapshot.Finalized(
      period: period, openFrom: min(period.endHour, Hour(containing: .latest)))
  }
}

extension LedgerSnapshot.Source {
  fileprivate init(from reader: inout EntryReader, isOlder: Bool) throws(JournalError) {
    let name = try reader.text("a source")
    identity = SourceIdentity(name: name, epoch: try reader.word())
    highestIssued = try reader.varint()
    lastArrival = try reader.timestamp()
    sequences = try reader.blob("a source's sequences")
    // An older version did not say: as far as is known, everything before may be missing.
    completeThrough = isOlder ? Timestamp(milliseconds: 0) : try reader.timestamp()
    accepted = isOlder ? [] : try reader.ranges("accepted gaps")
  }
}

extension EntryReader {
  mutating func flag() throws(JournalError) -> Bool {
    let value = try byte()
    guard value <= 1 else { throw failure("a flag is \(value); allowed are 0 and 1") }
    return value == 1
  }
}
