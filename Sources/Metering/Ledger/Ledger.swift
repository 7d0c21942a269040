public import Dedup
public import SegmentLog
public import Wire

/// Whose log a ledger writes.
public struct LedgerIdentity: Sendable {
  /// The installation.
  public var installation: InstallationID
  /// The installation's secret: dedup keys, names and digests are hashed with it.
  public var secret: HashSecret
  /// The partition.
  public var partition: UInt16
  /// How many partitions the installation has.
  public var partitionCount: UInt16

  /// Whose log a ledger writes.
  public init(
    installation: InstallationID, secret: HashSecret, partition: UInt16 = 0,
    partitionCount: UInt16 = 1
  ) {
    self.installation = installation
    self.secret = secret
    self.partition = partition
    self.partitionCount = partitionCount
  }
}

/// The state machine of one partition: it judges usage, writes decisions to the log and folds them
/// into hourly rollups.
///
/// Events go in; what the shell must do comes out as ``LedgerAction``s, and what became of each
/// batch as ``BatchOutcome``s. Nothing here reads a clock, a file or a socket. A ledger starts
/// empty and becomes current through a ``Recovery`` from its log, then
/// ``start(wall:monotonic:)``; recovery takes decisions from the log and never judges again.
///
/// One thread owns a ledger.
public struct Ledger: ~Copyable {
  /// Whose log this is.
  public let identity: LedgerIdentity
  /// What configures the ledger.
  public let configuration: LedgerConfiguration

  let hasher: KeyHasher
  var dedup: DedupIndex
  var names: LedgerNames
  var sources: SourceTable
  var receipts: ReceiptCache
  var corrections = CorrectedRecords()
  var clock: ClockGuard
  var scratch = JudgeScratch()

  /// The ledger's time: the latest reading that was believed. It never runs backwards.
  public internal(set) var time = Timestamp(milliseconds: 0)
  /// The last closed hour, nil before the first.
  public internal(set) var closedThrough: Hour?
  /// The arrival from which the key index is known to be complete; nil means from the beginning.
  public internal(set) var horizon: Timestamp?
  /// The largest acceptance window ahead that was ever in force.
  var largestAhead: Int64 = 0
  var configurationRecord: ConfigurationRecord?

  /// The log's writing side.
  var sealer: BlockSealer
  var block = UsageBlock()
  var blockArrivals: ClosedRange<Int64> = 0...0
  var columns = ColumnWriter()
  /// The exceptions of the batch that is being concluded.
  var batchExceptions = AckExceptions()
  var actions: [LedgerAction] = []
  /// The segments of the log, oldest first; the last one is being written.
  public internal(set) var segments: [SegmentSummary] = []
  /// The end of what is on stable storage.
  public internal(set) var synced: Checkpoint = .beginning
  /// The arrival of an entry that is on stable storage: as a rule the last one or one of the sync
  /// before.
  var syncedArrival = Timestamp(milliseconds: 0)
  /// The end and the arrival of the block that ``syncedArrival`` waits for.
  var awaited: (end: LogPosition, arrival: Timestamp)?

  /// What is folded since the last flush was begun.
  var pending: PendingUsage
  /// What the flush that was begun holds, until it is handed over or known to be committed.
  var staged: PendingUsage?
  /// Rows of the flush that was begun.
  var stagedRows = 0
  /// The last hour that was closed when the flush was begun.
  var stagedClosedThrough: Hour?
  /// The flush that was begun and not yet known to be committed.
  public internal(set) var attempt: FlushAttempt?
  /// The last checkpoint known to be in Postgres.
  public internal(set) var checkpoint: Checkpoint = .beginning
  /// Where the last finalization stands in the log.
  var lastFinalization = LogPosition(0)
  /// The last hour whose close is known to be in Postgres.
  public internal(set) var flushedClosedThrough: Hour?

  /// Set by the shell while it cannot take usage, for instance below the disk reserve.
  public var refusal: RefusalReason?
  /// Counters since the start, for status and metrics.
  public internal(set) var counters = LedgerCounters()
  /// What became of the batches of the last group.
  public internal(set) var outcomes: [BatchOutcome] = []
  /// The exceptions of the batches of the last group, as an ack has them.
  public internal(set) var exceptions: [UInt8] = []
  /// What the acks of the last group call missing: for each batch the lowest gaps in its source's
  /// numbering, at most `WireLimits.maximumMissingRanges`.
  public internal(set) var missing: [ClosedRange<UInt64>] = []
  /// Records of the last group that were rejected, at most ``quarantinedPerGroup``.
  public internal(set) var quarantined: [QuarantinedRecord] = []
  /// How many rejected records of one group are handed to the quarantine at most.
  public static let quarantinedPerGroup = 1_024

  /// A ledger with an empty log.
  ///
  /// - Parameters:
  ///   - store: where the key index writes its runs.
  ///   - runs: the runs of the store to use, the oldest one first, whose spans join.
  ///   - nextRun: the least number that no file of the store has.
  public init(
    identity: LedgerIdentity, configuration: LedgerConfiguration, store: any RunStore,
    runs: [SealedRun] = [], nextRun: UInt64 = 1
  ) {
    self.identity = identity
    self.configuration = configuration
    hasher = KeyHasher(identity.secret)
    dedup = DedupIndex(
      limits: configuration.dedup, owner: RunOwner(identity), store: store, runs: runs,
      nextRun: nextRun, startingAt: 0)
    names = LedgerNames(configuration: configuration, hasher: hasher)
    sources = SourceTable(
      limit: configuration.maximumSources, gapLimit: configuration.gapsPerSource,
      seed: hasher.word([], tail: 2))
    receipts = ReceiptCache(
      capacity: configuration.receiptDetails, exceptionCapacity: configuration.receiptDetails * 16,
      seed: identity.secret.fingerprint)
    clock = ClockGuard(maximumAdvance: configuration.clockMaximumAdvance)
    sealer = BlockSealer(continuing: .beginning)
    pending = PendingUsage(seed: identity.secret.fingerprint)
  }

  /// Takes the actions that have gathered; the shell carries them out in order.
  public mutating func takeActions() -> [LedgerAction] {
    let taken = actions
    actions.removeAll(keepingCapacity: true)
    return taken
  }

  /// Everything up to this place is on stable storage now.
  ///
  /// - Parameters:
  ///   - end: the end of a block.
  ///   - segmentSizes: the sizes in bytes of the segments that grew, by their numbers.
  public mutating func synced(through end: Checkpoint, segmentSizes: [UInt64: Int]) {
    synced = end
    if let awaited, awaited.end <= end.position {
      syncedArrival = awaited.arrival
      self.awaited = nil
    }
    for (number, size) in segmentSizes {
      let place = segments.lastIndex { $0.number == number }
      if let place { segments[place].byteCount = size }
    }
  }

  /// How far the log is, for the key index.
  var front: LogFront {
    let sealed = LogPlace(sealer.end)
    return LogFront(sealed: sealed, open: sealed.position + UInt64(block.records.count))
  }

  /// The end of the log, whether synced or not.
  public var end: Checkpoint { sealer.end }

  /// The end of the log and of the block that is still open: what a receipt given now waits for.
  var openEnd: LogPosition {
    LogPosition(sealer.end.position.rawValue + UInt64(block.entryCount))
  }
}

/// Counters of a ledger since its start.
public struct LedgerCounters: Sendable, Hashable {
  /// Batches judged.
  public var batches: UInt64 = 0
  /// Batches whose receipt was repeated.
  public var resent: UInt64 = 0
  /// Records by verdict, in the order of `Verdict`.
  public var verdicts = [UInt64](repeating: 0, count: Verdict.allCases.count)
  /// Rejected records by reason.
  public var rejections: [RejectionReason: UInt64] = [:]
  /// Refused batches by reason.
  public var refusals: [RefusalReason: UInt64] = [:]
  /// Rejected records that were not handed to the quarantine, because one group held too many.
  public var notQuarantined: UInt64 = 0
  /// Records booked under the overflow context.
  public var overflowed: UInt64 = 0

  /// Counts a judged batch.
  mutating func count(_ counts: VerdictCounts) {
    batches += 1
    verdicts[Int(Verdict.accepted.rawValue)] += UInt64(counts.accepted)
    verdicts[Int(Verdict.duplicate.rawValue)] += UInt64(counts.duplicate)
    verdicts[Int(Verdict.conflict.rawValue)] += UInt64(counts.conflict)
    verdicts[Int(Verdict.late.rawValue)] += UInt64(counts.late)
    verdicts[Int(Verdict.rejected.rawValue)] += UInt64(counts.rejected)
  }
}

/// Usage that is folded and not yet in Postgres.
struct PendingUsage: ~Copyable {
  var rollups: RollupTable
  var records: Int64 = 0
  /// Receipts and records in the span.
  var entries: UInt64 = 0
  var closedHours: [Hour] = []
  var corrections: [LoggedCorrection] = []
  var acceptances: [GapAcceptance] = []
  var finalizations: [PeriodFinalization] = []

  init(seed: UInt64) { rollups = RollupTable(seed: seed) }

  /// Whether a flush would tell Postgres anything.
  var isEmpty: Bool {
    entries == 0 && closedHours.isEmpty && acceptances.isEmpty && finalizations.isEmpty
  }
}

extension Ledger {
  /// What the dedup index holds.
  public var dedupStatistics: DedupStatistics { dedup.statistics }

  /// New records with an earlier event time are refused, because the key index may not know their
  /// keys any more; nil if there is no such limit.
  public var knownFrom: Timestamp? {
    let ahead = max(largestAhead, configuration.acceptanceAhead)
    return horizon.map { Timestamp(milliseconds: $0.milliseconds + ahead) }
  }

  /// The keys of everything before this place stand in runs, or have left.
  public var keysThrough: LogPosition { LogPosition(dedup.completeThrough.position) }

  /// Whether the dedup index takes another record.
  public var hasRoom: Bool { dedup.hasRoom(for: 1) }

  /// When the key index will be full, if keys go on coming as of late.
  public var dedupForecast: DedupForecast { dedup.forecast }

  /// Receipts and records in the open block.
  public var openEntries: Int { block.entryCount }

  /// Notes the highest sequence that a source says it issued, so that a lost tail is seen.
  ///
  /// - Parameters:
  ///   - source: the source's name.
  ///   - epoch: its epoch.
  ///   - highestIssued: the highest sequence of that epoch.
  public mutating func noteHeartbeat(source: RawSpan, epoch: UInt64, highestIssued: UInt64) {
    let place = sources.place(
      name: source, epoch: epoch, arrival: time,
      silentBefore: Timestamp(milliseconds: time.milliseconds - configuration.dedup.window))
    guard let place else { return }
    sources[place].highestIssued = max(sources[place].highestIssued, highestIssued)
  }
}
