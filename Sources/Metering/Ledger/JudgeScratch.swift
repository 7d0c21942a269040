import Dedup
import Wire

/// Room for the stages of one group, kept from group to group.
struct JudgeScratch: ~Copyable {
  /// What is decided of one frame of the group.
  struct Frame {
    var disposition: BatchOutcome.Disposition
    /// The place of its source, −1 if it has none.
    var source: Int
    /// The receipt that is repeated, and where its exceptions stand.
    var receipt: Receipt?
    var exceptions: Range<Int> = 0..<0
  }

  /// What is known of a name of the group.
  struct Name: BitwiseCopyable {
    /// Its number in the ledger, ``none`` beyond the limit.
    var id: UInt32
    /// Its number in the block, for names of fresh records.
    var inBlock: UInt32 = 0
    /// The keyed hash of an operation or a context.
    var hash: UInt64
  }

  static let none = UInt32.max
  /// Fresh records that are folded together; a multiple of what is hashed side by side.
  static let strideLength = 64

  var frames: [Frame] = []
  var tenants = ScratchColumn(filler: Name(id: none, hash: 0))
  var operations = ScratchColumn(filler: Name(id: none, hash: 0))
  var contexts = ScratchColumn(filler: Name(id: none, hash: 0))

  /// The keys of the records that the index is asked about.
  var places = ScratchColumn(filler: KeyPlace(offset: 0, length: 0, form: 0, scope: 0, target: 0))
  /// Number of these.
  var placeCount = 0

  // For each record of the group.
  var hashes = ScratchColumn(filler: KeyHash(high: 0, low: 0))
  var payloads = ScratchColumn<UInt16>(filler: 0)
  var requests = ScratchColumn<UInt8>(filler: 0)
  var answers = ScratchColumn<UInt8>(filler: 0)
  /// The raw `AckCode`.
  var codes = ScratchColumn<UInt8>(filler: 0)

  // For each fresh record: one with a new key, which is logged and folded.
  /// Number of fresh records.
  var freshCount = 0
  /// Its number in the group.
  var fresh = ScratchColumn<UInt32>(filler: 0)
  var keys = ScratchColumn(
    filler: RollupKey(tenant: 0, operation: 0, context: 0, hour: 0, kind: 0))
  /// Its row.
  var slots = ScratchColumn<UInt32>(filler: 0)
  var weights = ScratchColumn<UInt32>(filler: 0)
  /// Its ``UsageFlags``.
  var flags = ScratchColumn<UInt8>(filler: 0)

  // For each record of a stride of ``strideLength`` fresh ones, which are folded together.
  var messages = ScratchColumn(
    filler: DigestMessage([0, 0, 0, 0, 0], tail: 0), capacity: strideLength)
  var digests = ScratchColumn<UInt64>(filler: 0, capacity: strideLength)

  /// The number of the overflow context in the block, if a fresh record has it.
  var overflowInBlock: UInt32 = 0

  mutating func prepare(records: Int, tenants: Int, operations: Int, contexts: Int) {
    self.tenants.reserve(tenants)
    self.operations.reserve(operations)
    self.contexts.reserve(contexts)
    places.reserve(records)
    hashes.reserve(records)
    payloads.reserve(records)
    requests.reserve(records)
    answers.reserve(records)
    codes.reserve(records)
    fresh.reserve(records)
    keys.reserve(records)
    slots.reserve(records)
    weights.reserve(records)
    flags.reserve(records)
    frames.removeAll(keepingCapacity: true)
    freshCount = 0
  }
}
