import Compression
public import Dedup
public import SegmentLog
import Wire

/// Folds segments into the rollups that Postgres must hold at a checkpoint.
///
/// It decodes what ``Ledger`` wrote and sums it with the same code, but knows nothing of a ledger's
/// state: it is the second opinion that `verify` asks for.
public struct LogFold: ~Copyable {
  /// The checkpoint up to which is folded.
  public let checkpoint: Checkpoint
  /// Where the first segment began; nil before it.
  public private(set) var start: ChainPoint?
  /// Whether the checkpoint was reached.
  public private(set) var isComplete: Bool
  /// Number of records that were folded.
  public private(set) var records: Int64 = 0

  private var names: LedgerNames
  private var rollups: RollupTable
  private var resolved = ResolvedNames()
  private var block = UsageBlock()
  private var columns: [UInt8] = []
  private var end: ChainPoint?
  private let decompressor = Decompressor()
  private let hasher: KeyHasher
  private let configuration: LedgerConfiguration

  /// A fold of an empty log.
  ///
  /// - Parameters:
  ///   - secret: the installation's secret.
  ///   - checkpoint: how far to fold.
  public init(secret: HashSecret, upTo checkpoint: Checkpoint) {
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
  }

  /// Folds one segment; segments are given in order, until ``isComplete``.
  ///
  /// - Parameters:
  ///   - bytes: the segment's bytes; what stands behind the checkpoint may be torn.
  ///   - number: the number in its name.
  /// - Throws: `SegmentError`, ``JournalError`` or ``RecoveryError``.
  public mutating func add(_ bytes: RawSpan, number: UInt64) throws {
    var reader = try SegmentReader(bytes, segment: number, after: end)
    if start == nil {
      start = reader.header.start
      if checkpoint.position < reader.header.start.position {
        throw RecoveryError.checkpointBelowLog(checkpoint, start: reader.header.start.position)
      }
    }
    try find(reader.header.start)
    while !isComplete, let next = try reader.next() {
      if next.header.kind == .usage { try fold(next) }
      try find(next.header.end)
    }
    end = reader.end
  }

  private mutating func find(_ place: ChainPoint) throws(RecoveryError) {
    guard place.position >= checkpoint.position, !isComplete else { return }
    guard place == checkpoint else {
      throw .checkpointNotOnChain(
        checkpoint, found: place.position == checkpoint.position ? place.chain : nil)
    }
    isComplete = true
  }

  private mutating func fold(_ next: borrowing SegmentBlock) throws {
    try next.decompressColumns(with: decompressor, into: &columns)
    try block.decode(next, columns: columns)
    try resolved.resolve(block.names, in: &names, configuration: configuration)
    var cursor = UsageBlockCursor()
    for _ in 0..<block.records.count {
      let record = cursor.next(block.records, resolved, names, hasher)
      rollups.add(
        rollups.findOrInsert(record.key).slot, quantity: record.folded.quantity,
        weighted: record.folded.weighted, byteMilliseconds: record.folded.byteMilliseconds,
        digest: record.folded.digest(hasher))
    }
    records += Int64(block.records.count)
  }

  /// The rows that Postgres must hold, in its order.
  public func rows() -> (rollups: [RollupIncrement], adjustments: [AdjustmentIncrement]) {
    var batch = FlushBatch(
      installation: InstallationID(bits: 0), partition: 0, token: 0, from: .beginning,
      to: checkpoint, records: records, rollups: [], adjustments: [], closedHours: [],
      finalizations: [])
    batch.add(rollups, names)
    batch.sort()
    return (batch.rollups, batch.adjustments)
  }
}
