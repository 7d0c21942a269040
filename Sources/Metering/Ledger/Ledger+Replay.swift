public import Dedup
public import SegmentLog
import Wire

/// Makes a ledger current from its log. Decisions are taken from the log, nothing is judged again.
///
/// A ``LogDecoder`` gives what it replays: of each segment the header, and then its blocks.
///
/// ```swift
/// var recovery = Recovery(ledger, checkpoint: stored)
/// for segment in segments {
///   try recovery.begin(segment.header)
///   for block in segment.blocks { try recovery.replay(block) }
/// }
/// let ledger = try recovery.finish()
/// ```
public struct Recovery: ~Copyable {
  private var ledger: Ledger
  private var scratch = ReplayScratch()
  /// The checkpoint in Postgres; nil if Postgres could not be asked.
  private let base: Checkpoint?
  /// The chain at the position of `base`, once it was reached.
  private var isBaseFound = false
  /// Where the runs of the key index end, and whether the log was seen to have that place.
  private let runsEnd: LogPlace
  private var isRunsEndFound = false
  private var end: ChainPoint?
  /// Whether the last segment ends before its snapshot.
  private var isHeadMissing = false

  /// A recovery of an empty ledger.
  ///
  /// - Parameters:
  ///   - ledger: a new ledger.
  ///   - checkpoint: the checkpoint in Postgres, the beginning if it has none; nil if Postgres
  ///     could not be asked: then the log's own knowledge decides, and the flusher settles the
  ///     rest.
  ///   - upkeep: who does the upkeep of the key index meanwhile. The recovered ledger may have
  ///     pieces out, which come back through ``Ledger/finish(_:)``. Nil does it in between.
  public init(
    _ ledger: consuming Ledger, checkpoint: Checkpoint?, upkeep: (any UpkeepPerformer)? = nil
  ) {
    scratch.upkeep = upkeep
    base = checkpoint
    isBaseFound = checkpoint == nil || checkpoint == .beginning
    runsEnd = ledger.dedup.completeThrough
    isRunsEndFound = runsEnd.position == 0
    self.ledger = ledger
  }

  /// Begins a segment; segments are given in order, the oldest one first.
  ///
  /// - Parameter header: the segment's header.
  /// - Throws: ``RecoveryError`` for a segment that is not this ledger's, or for a log that does
  ///   not reach back to the checkpoint.
  public mutating func begin(_ header: SegmentHeader) throws(RecoveryError) {
    try check(header)
    if ledger.segments.isEmpty { try beginLog(header) }
    ledger.segments.append(
      SegmentSummary(
        number: header.number, start: header.start,
        created: Timestamp(milliseconds: header.createdAt), byteCount: SegmentHeader.byteCount))
    isHeadMissing = true
    end = header.start
  }

  /// Replays the next block of the segment.
  ///
  /// - Throws: ``RecoveryError`` or ``JournalError``.
  public mutating func replay(_ block: LoggedBlock) throws {
    let last = ledger.segments.count - 1
    ledger.time = max(ledger.time, block.lastArrival)
    switch block.entry {
    case .snapshot(let snapshot):
      if last == 0, isHeadMissing { try ledger.restore(snapshot) }
      isHeadMissing = false
    case .some(let entry):
      try ledger.replay(entry, position: block.start.position, hasBase: base != nil)
    case nil:
      // Before the checkpoint is found, everything stands in Postgres.
      try ledger.replayUsage(
        block.usage, from: block.start, end: block.end.position, isFolded: isBaseFound,
        isRemembered: isRunsEndFound, &scratch)
      ledger.segments[last].sums.add(block.sums)
    }
    ledger.segments[last].byteCount += block.byteCount
    ledger.segments[last].end = block.end
    ledger.segments[last].lastArrival = block.lastArrival
    end = block.end
    try find(block.end)
  }

  /// The ledger, current up to the end of the log; it is synced as far as it was replayed.
  public consuming func finish() throws(RecoveryError) -> Ledger {
    let end = end ?? .beginning
    guard isRunsEndFound else { throw .runsNotOnChain(runsEnd, found: nil) }
    if let base {
      guard base.position <= end.position else {
        throw .checkpointBeyondLog(base, end: end.position)
      }
      guard isBaseFound else { throw .checkpointNotOnChain(base, found: nil) }
      ledger.rebase(to: base)
    }
    if let attempt = ledger.attempt, ledger.staged == nil || attempt.from != ledger.checkpoint {
      throw .attemptUnknown(attempt)
    }
    ledger.resume(at: end, isHeadMissing: isHeadMissing)
    return ledger
  }

  private func check(_ header: SegmentHeader) throws(RecoveryError) {
    let identity = ledger.identity
    guard header.installation == identity.installation.bits else {
      throw .otherInstallation(segment: header.number)
    }
    guard header.secretFingerprint == identity.secret.fingerprint else {
      throw .otherSecret(
        segment: header.number, expected: identity.secret.fingerprint,
        found: header.secretFingerprint)
    }
    guard header.partition == identity.partition,
      header.partitionCount == identity.partitionCount
    else {
      throw .otherPartition(
        segment: header.number, expected: "\(identity.partition) of \(identity.partitionCount)",
        found: "\(header.partition) of \(header.partitionCount)")
    }
  }

  private mutating func beginLog(_ header: SegmentHeader) throws(RecoveryError) {
    ledger.checkpoint = .beginning
    guard header.start.position > LogPosition(0) else { return }
    if runsEnd.position >= header.start.position.rawValue {
      ledger.horizon = ledger.dedup.completeAfter.map { Timestamp(milliseconds: $0 + 1) }
    } else {
      ledger.horizon = Timestamp(milliseconds: header.createdAt)
      isRunsEndFound = true
    }
    if let base, base.position < header.start.position {
      throw .checkpointBelowLog(base, start: header.start.position)
    }
    try find(header.start)
  }

  /// Compares a place of the log with the end of the runs and with the checkpoint in Postgres, if
  /// that is where they stand.
  private mutating func find(_ place: ChainPoint) throws(RecoveryError) {
    if place.position.rawValue == runsEnd.position {
      guard place.chain == runsEnd.chain else {
        throw .runsNotOnChain(runsEnd, found: place.chain)
      }
      isRunsEndFound = true
    }
    guard let base, base.position == place.position else { return }
    guard base.chain == place.chain else {
      throw .checkpointNotOnChain(base, found: place.chain)
    }
    isBaseFound = true
    // What stands before the checkpoint is in Postgres; what stands behind it is not.
    ledger.dropPending()
  }
}

extension Ledger {
  /// Takes over the state at the head of the first retained segment.
  mutating func restore(_ snapshot: LedgerSnapshot) throws {
    configurationRecord = snapshot.configuration
    closedThrough = snapshot.closedThrough
    largestAhead = snapshot.largestAhead
    checkpoint = snapshot.checkpoint
    attempt = snapshot.attempt
    if let earlier = snapshot.horizon { horizon = max(horizon ?? earlier, earlier) }
    for tenant in snapshot.tenants { names.restore(tenant) }
    if names.tenants.count < snapshot.tenants.count {
      throw RecoveryError.limitBelowLog(
        setting: "limits.tenants", limit: configuration.maximumTenants)
    }
    for source in snapshot.sources {
      let name = Array(source.identity.name.utf8)
      let place = try sourcePlace(
        name.span.raw, epoch: source.identity.epoch, arrival: source.lastArrival)
      sources[place].highestIssued = source.highestIssued
      var offset = 0
      do {
        sources[place].sequences = try SequenceSet(
          decoding: source.sequences.span.raw, at: &offset,
          maximumRanges: max(configuration.gapsPerSource, source.sequences.count))
      } catch {
        throw JournalError(position: LogPosition(0), problem: error.description)
      }
    }
  }

  mutating func sourcePlace(
    _ name: RawSpan, epoch: UInt64, arrival: Timestamp
  ) throws(RecoveryError) -> Int {
    let place = sources.place(
      name: name, epoch: epoch, arrival: arrival,
      silentBefore: Timestamp(milliseconds: time.milliseconds - configuration.dedup.window))
    guard let place else {
      throw .limitBelowLog(setting: "limits.sources", limit: configuration.maximumSources)
    }
    return place
  }

  /// Takes over a control entry.
  mutating func replay(_ entry: ControlEntry, position: LogPosition, hasBase: Bool) throws {
    switch entry {
    case .snapshot: break
    case .configuration(let record):
      configurationRecord = record
      largestAhead = max(largestAhead, record.acceptanceAhead)
    case .hoursClosed(let through, _): noteClosed(through: through)
    case .periodFinalized(let tenant, let period, let time, let operatorName):
      let bytes = Array(tenant.utf8)
      guard let id = names.tenant(bytes.span.raw) else {
        throw RecoveryError.limitBelowLog(
          setting: "limits.tenants", limit: configuration.maximumTenants)
      }
      noteFinalized(
        id,
        PeriodFinalization(
          tenant: tenant, period: period, time: time, operatorName: operatorName,
          position: position))
    case .flushAttempt(let attempt):
      // Postgres knows better than the log which attempts were committed.
      if !hasBase { replay(attempt) }
    case .flushCommitted(let token, _):
      if !hasBase, attempt?.token == token { settle() }
    case .clockConfirmed(_, _, let after): time = max(time, after)
    }
  }

  /// Takes over an attempt. Where it starts from tells what became of the one before: that one was
  /// committed, or it was not and its usage is part of this one.
  private mutating func replay(_ next: FlushAttempt) {
    if let earlier = attempt {
      if next.from == earlier.from { takeBack() } else { settle() }
    }
    apply(next)
  }

  /// Makes the checkpoint in Postgres the ledger's own.
  mutating func rebase(to base: Checkpoint) {
    checkpoint = base
    attempt = nil
  }

  /// Forgets what is folded so far: it is in Postgres.
  mutating func dropPending() {
    pending = PendingUsage(seed: identity.secret.fingerprint)
  }

  /// Continues the log at its end. A segment that a crash left without its snapshot gets it now.
  mutating func resume(at end: ChainPoint, isHeadMissing: Bool) {
    sealer = BlockSealer(continuing: end)
    synced = end
    if isHeadMissing { appendControl(.snapshot(snapshot())) }
    let unflushed = staged?.closedHours.first ?? pending.closedHours.first
    flushedClosedThrough = unflushed.map { Hour(index: $0.index - 1) } ?? closedThrough
  }
}
