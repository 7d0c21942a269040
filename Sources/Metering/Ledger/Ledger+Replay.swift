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
///
/// Where runs and Postgres have what the first segments hold, a replay may begin behind those: they
/// are only summed up, for retention. Of each its header and its head are given, and then the rest,
/// or ``passOver(byteCount:)`` if the head of the next one knows what it holds.
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
  /// The number of the first segment that is replayed, whether it was reached, and whether the
  /// state at its head is in the ledger.
  private let first: UInt64
  private var isReplaying = false
  private var isRestored = false
  private var end: ChainPoint?
  /// Whether the last segment ends before its snapshot.
  private var isHeadMissing = false
  /// Whether the segment before was passed over, so that the next head has to say what it holds.
  private var isPassedOver = false

  /// A recovery of an empty ledger.
  ///
  /// - Parameters:
  ///   - ledger: a new ledger.
  ///   - checkpoint: the checkpoint in Postgres, the beginning if it has none; nil if Postgres
  ///     could not be asked: then the log's own knowledge decides, and the flusher settles the
  ///     rest.
  ///   - first: the number of the first segment to replay. It must not begin behind the runs
  ///     (``Ledger/keysThrough``) or the checkpoint, unless it is the first one of the log.
  ///   - upkeep: who does the upkeep of the key index meanwhile. The recovered ledger may have
  ///     pieces out, which come back through ``Ledger/finish(_:)``. Nil does it in between.
  public init(
    _ ledger: consuming Ledger, checkpoint: Checkpoint?, replayingFrom first: UInt64 = 0,
    upkeep: (any UpkeepPerformer)? = nil
  ) {
    self.first = first
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
    if !isReplaying, header.number >= first {
      isReplaying = true
      try beginReplay(header)
    }
    ledger.segments.append(
      SegmentSummary(
        number: header.number, start: header.start,
        created: Timestamp(milliseconds: header.createdAt), byteCount: SegmentHeader.byteCount))
    isHeadMissing = true
    end = header.start
  }

  /// Replays the next block of the segment, or sums it up.
  ///
  /// - Throws: ``RecoveryError`` or ``JournalError``.
  public mutating func replay(_ block: LoggedBlock) throws {
    let last = ledger.segments.count - 1
    ledger.time = max(ledger.time, block.lastArrival)
    switch block.entry {
    case .snapshot(let snapshot): try replay(head: snapshot)
    case .corrected(let correction):
      if isReplaying {
        try ledger.replay(correction, from: block.start, isRemembered: isRunsEndFound)
      } else {
        ledger.noteTenants(of: correction)
      }
      ledger.segments[last].sums.add(block.sums)
    case .some(let entry):
      if isReplaying { try ledger.replay(entry, hasBase: base != nil) }
    case nil:
      if isReplaying {
        // Before the checkpoint is found, everything stands in Postgres.
        try ledger.replayUsage(
          block.usage, from: block.start, end: block.end.position, isFolded: isBaseFound,
          isRemembered: isRunsEndFound, &scratch)
      } else {
        try ledger.resolveNames(block.usage, &scratch)
      }
      ledger.segments[last].add(tenants: scratch.names.tenants)
      ledger.segments[last].sums.add(block.sums)
    }
    ledger.segments[last].byteCount += block.byteCount
    ledger.segments[last].end = block.end
    ledger.segments[last].lastArrival = block.lastArrival
    end = block.end
    if isReplaying { try find(block.end) }
  }

  /// Leaves the rest of the segment out; it must stand before the first one that is replayed.
  ///
  /// - Parameter byteCount: the size of the whole segment, in bytes.
  public mutating func passOver(byteCount: Int) {
    precondition(
      !isReplaying && !isHeadMissing, "BUG: the rest of a segment that is needed is left out")
    ledger.segments[ledger.segments.count - 1].byteCount = byteCount
    isPassedOver = true
  }

  /// Takes over the snapshot at the head of a segment.
  private mutating func replay(head snapshot: LedgerSnapshot) throws {
    guard isHeadMissing else { return }
    isHeadMissing = false
    if isPassedOver { try ledger.sumUpSegmentBefore(snapshot) }
    isPassedOver = false
    if isReplaying, isRestored, base == nil { ledger.replayCheckpoint(of: snapshot) }
    if isReplaying, !isRestored {
      if runsEnd.position == 0, let end, end != .beginning, let before = snapshot.previous {
        // As late as the segment was begun, nothing may have arrived for long.
        ledger.dedup.begin(at: LogPlace(end), after: before.lastArrival.milliseconds)
        ledger.noteHorizon()
      }
      try ledger.restore(snapshot)
    }
    isRestored = isReplaying
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

  private mutating func beginReplay(_ header: SegmentHeader) throws(RecoveryError) {
    ledger.checkpoint = .beginning
    if runsEnd.position == 0, header.start.position > LogPosition(0) {
      // Neither runs nor the log have what arrived before, or in the same millisecond.
      ledger.dedup.begin(at: LogPlace(header.start), after: header.createdAt)
    } else if runsEnd.position < header.start.position.rawValue {
      throw .runsNotOnChain(runsEnd, found: nil)
    }
    ledger.noteHorizon()
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
  /// Takes the horizon from the key index.
  fileprivate mutating func noteHorizon() {
    horizon = dedup.completeAfter.map { after in
      // Whatever a file says, it is a time.
      Timestamp(milliseconds: min(max(after, -1), Timestamp.latest.milliseconds - 1) + 1)
    }
  }

  /// Takes over what the head of the last segment says of the one before.
  fileprivate mutating func sumUpSegmentBefore(_ snapshot: LedgerSnapshot) throws(RecoveryError) {
    let last = segments.count - 1
    let before = segments[last - 1]
    guard let segment = snapshot.previous else {
      throw .summaryMissing(segment: before.number)
    }
    guard segment.start == before.start, segment.created == before.created else {
      throw .segmentExchanged(
        segment: before.number, expected: segment.start, found: before.start)
    }
    var ids: [UInt32] = []
    for place in segment.tenants {
      let name = Array(snapshot.tenants[place].name.utf8)
      guard let id = names.tenant(name.span.raw) else {
        throw .limitBelowLog(setting: "limits.tenants", limit: configuration.maximumTenants)
      }
      ids.append(id)
    }
    segments[last - 1].take(segment, end: segments[last].start, tenants: ids)
  }

  /// Takes over what a later snapshot knows of the attempt before it: nothing else in the log need
  /// say that it was committed.
  fileprivate mutating func replayCheckpoint(of snapshot: LedgerSnapshot) {
    if let attempt, attempt.to == snapshot.checkpoint { settle() }
  }

  /// Takes over the state at the head of the first segment that is replayed.
  mutating func restore(_ snapshot: LedgerSnapshot) throws {
    configurationRecord = snapshot.configuration
    closedThrough = snapshot.closedThrough
    largestAhead = snapshot.largestAhead
    checkpoint = snapshot.checkpoint
    attempt = snapshot.attempt
    if let earlier = snapshot.horizon { horizon = max(horizon ?? earlier, earlier) }
    corrections.restore(snapshot)
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
      sources[place].completeThrough = source.completeThrough
      sources[place].accepted = source.accepted
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
  mutating func replay(_ entry: ControlEntry, hasBase: Bool) throws {
    switch entry {
    case .snapshot, .corrected: break
    case .configuration(let record):
      configurationRecord = record
      largestAhead = max(largestAhead, record.acceptanceAhead)
    case .hoursClosed(let through, _): noteClosed(through: through)
    case .periodFinalized(let finalization):
      let bytes = Array(finalization.tenant.utf8)
      guard let id = names.tenant(bytes.span.raw) else {
        throw RecoveryError.limitBelowLog(
          setting: "limits.tenants", limit: configuration.maximumTenants)
      }
      noteFinalized(id, finalization)
    case .gapsAccepted(let acceptance): noteAccepted(acceptance)
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
    syncedArrival = segments.last?.lastArrival ?? syncedArrival
    if isHeadMissing { appendControl(.snapshot(snapshot())) }
    let unflushed = staged?.closedHours.first ?? pending.closedHours.first
    flushedClosedThrough = unflushed.map { Hour(index: $0.index - 1) } ?? closedThrough
  }
}
