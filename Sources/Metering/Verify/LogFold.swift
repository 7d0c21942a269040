public import Dedup
public import SegmentLog
import Wire

/// Folds segments into the rollups that Postgres must hold at a checkpoint, and sets them beside
/// the rows that it does hold.
///
/// It decodes what ``Ledger`` wrote and sums it with the same code, but knows nothing of a ledger's
/// state: it is the second opinion that `verify` asks for. Rows are kept by the numbers of their
/// names, so that millions of them fit in memory twice.
public struct LogFold: ~Copyable {
  /// The checkpoint up to which is folded.
  public let checkpoint: Checkpoint
  /// Where the first segment began; nil before it.
  public private(set) var start: ChainPoint?
  /// Whether the checkpoint was reached.
  public private(set) var isComplete: Bool
  /// Number of records that were folded.
  public private(set) var records: Int64 = 0
  /// The finalizations that were folded, in the order of the log.
  public private(set) var finalizations: [PeriodFinalization] = []

  var names: LedgerNames
  /// What the log gives.
  var rollups: RollupTable
  /// What Postgres holds.
  var stored: RollupTable
  private var resolved = ResolvedNames()
  private var decoder = LogDecoder()
  private let block = LoggedBlock()
  private var logged = LoggedRecords()
  private let hasher: KeyHasher
  private let configuration: LedgerConfiguration
  private let scope: FoldScope?
  /// With a scope, the hours that are wanted of each tenant, by its number.
  private var wantedHours: [Range<Int32>] = []

  /// A fold of an empty log.
  ///
  /// - Parameters:
  ///   - secret: the installation's secret.
  ///   - checkpoint: how far to fold.
  ///   - scope: which rows are wanted; nil for all.
  public init(secret: HashSecret, upTo checkpoint: Checkpoint, scope: FoldScope? = nil) {
    self.scope = scope
    var configuration = LedgerConfiguration(weights: .empty, canonicalText: "")
    configuration.maximumTenants = Int(UInt32.max)
    configuration.maximumOperations = Int(UInt32.max)
    configuration.maximumContexts = Int(UInt32.max) / 4
    self.configuration = configuration
    self.checkpoint = checkpoint
    isComplete = checkpoint == .beginning
    hasher = KeyHasher(secret)
    names = LedgerNames(configuration: configuration, hasher: hasher)
    rollups = RollupTable(seed: secret.fingerprint)
    stored = RollupTable(seed: secret.fingerprint)
  }

  /// Folds one segment; segments are given in order, until ``isComplete``.
  ///
  /// - Parameters:
  ///   - bytes: the segment's bytes; what stands behind the checkpoint may be torn.
  ///   - number: the number in its name.
  /// - Throws: `SegmentError`, ``JournalError`` or ``RecoveryError``.
  public mutating func add(_ bytes: RawSpan, number: UInt64) throws {
    var reader = try decoder.begin(bytes, number: number)
    if start == nil {
      start = reader.header.start
      if checkpoint.position < reader.header.start.position {
        throw RecoveryError.checkpointBelowLog(checkpoint, start: reader.header.start.position)
      }
      // The state that the segments before it left, if there were any.
      if reader.header.start != .beginning, let head = try reader.next() { try restore(head) }
    }
    try find(reader.header.start)
    try find(reader.end)
    while !isComplete, let next = try reader.next() {
      try decoder.decode(next, into: block)
      if let entry = block.entry { note(entry) } else { try fold(block) }
      try find(block.end)
    }
  }

  private mutating func find(_ place: ChainPoint) throws(RecoveryError) {
    guard place.position >= checkpoint.position, !isComplete else { return }
    guard place == checkpoint else {
      throw .checkpointNotOnChain(
        checkpoint, found: place.position == checkpoint.position ? place.chain : nil)
    }
    isComplete = true
  }

  private mutating func restore(_ head: borrowing SegmentBlock) throws {
    try decoder.decode(head, into: block)
    guard case .snapshot(let snapshot) = block.entry else { return }
    for tenant in snapshot.tenants { names.restore(tenant) }
  }

  private mutating func note(_ entry: ControlEntry) {
    switch entry {
    case .periodFinalized(let finalization):
      let bytes = Array(finalization.tenant.utf8)
      guard let id = names.tenant(bytes.span.raw) else {
        preconditionFailure("BUG: a fold without a limit of tenants is at its limit")
      }
      names.tenants[Int(id)].finalize(finalization.bounds)
      finalizations.append(finalization)
    case .corrected(let correction):
      if let voided = correction.voided { fold(voided, isVoided: true) }
      if let added = correction.added { fold(added, isVoided: false) }
    default: break
    }
  }

  private mutating func fold(_ booked: BookedRecord, isVoided: Bool) {
    guard let numbered = NumberedRecord(booked, in: &names, hasher) else {
      preconditionFailure("BUG: a fold without limits of names is at its limit")
    }
    let sums = numbered.sums(names, hasher)
    var key = numbered.rollupKey
    if let scope, !isWanted(key, in: scope) { key = FoldScope.rest }
    rollups.add(rollups.findOrInsert(key).slot, sums: isVoided ? sums.negated : sums)
    records += isVoided ? -1 : 1
  }

  private mutating func fold(_ block: LoggedBlock) throws {
    try resolved.resolve(block.usage.names, in: &names, configuration: configuration)
    logged.begin()
    while logged.next(block.usage.records, resolved, names, hasher) {
      if let scope {
        findRows(in: scope)
      } else {
        logged.findRows(in: rollups)
      }
      for place in 0..<logged.count where logged.slots[place] == RollupTable.noSlot {
        logged.slots[place] = rollups.findOrInsert(logged.keys[place]).slot
      }
      logged.fold(block.usage.records, names, hasher, into: &rollups)
    }
    records += Int64(block.usage.records.count)
  }

  /// Finds the rows of the group that are wanted. All others share one, which nobody is given.
  private mutating func findRows(in scope: FoldScope) {
    for place in 0..<logged.count {
      let key = logged.keys[place]
      let isWanted = isWanted(key, in: scope)
      logged.slots[place] = rollups.findOrInsert(isWanted ? key : FoldScope.rest).slot
    }
  }

  private mutating func isWanted(_ key: RollupKey, in scope: FoldScope) -> Bool {
    let tenant = Int(key.tenant)
    while wantedHours.count <= tenant {
      let number = UInt32(truncatingIfNeeded: wantedHours.count)
      let bounds = scope.bounds(of: names.tenantNames.name(of: number))
      wantedHours.append(bounds.map { $0.start.index..<$0.end.index } ?? 0..<0)
    }
    return wantedHours[tenant].contains(key.booking == RollupKey.notLate ? key.hour : key.booking)
  }
}
