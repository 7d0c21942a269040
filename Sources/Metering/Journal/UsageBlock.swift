/// What the flag byte of a logged record means.
enum UsageFlags {
  /// Bits 0 and 1: the raw value of the `UsageKind`.
  static let kindMask: UInt8 = 0b0000_0011
  /// Bit 2: the key is text.
  static let textKey: UInt8 = 0b0000_0100
  /// Bit 3: the record is late; it has an entry in `bookings`.
  static let late: UInt8 = 0b0000_1000
  /// Bit 4: the context is the overflow context; the payload digest has an entry in `payloads`.
  static let overflow: UInt8 = 0b0001_0000
  /// Bit 5, of late records: the entry in `bookings` is an hour. An older version wrote the month
  /// of a period in UTC.
  static let bookingHour: UInt8 = 0b0010_0000
  /// Bits 6 and 7 are zero.
  static let reserved: UInt8 = 0b1100_0000
}

/// The accepted and late records of one block, as columns.
///
/// Tenants, operations and contexts are numbers in the block's own ``UsageBlockNames``.
struct UsageBlockRecords: ~Copyable {
  var times: [Int64] = []
  var quantities: [Int64] = []
  var flags: [UInt8] = []
  var tenants: [UInt32] = []
  var operations: [UInt32] = []
  var contexts: [UInt32] = []
  /// The weight that was applied, 0 to 1,000,000.
  var weights: [UInt32] = []
  /// The first hour of the booking period of each late record.
  var bookings: [Int32] = []
  /// The payload digest of each record whose context was replaced by the overflow context.
  var payloads: [UInt16] = []
  /// Two little-endian words for each raw key.
  var rawKeys: [UInt64] = []
  /// The length of each text key.
  var textKeyLengths: [UInt8] = []
  /// The bytes of the text keys.
  var textKeys: [UInt8] = []

  var count: Int { times.count }

  /// Takes the raw keys; as much memory is made ready for the next ones.
  mutating func takeRawKeys() -> [UInt64] {
    var taken: [UInt64] = []
    taken.reserveCapacity(rawKeys.count + rawKeys.count / 8)
    swap(&taken, &rawKeys)
    return taken
  }

  mutating func removeAll() {
    times.removeAll(keepingCapacity: true)
    quantities.removeAll(keepingCapacity: true)
    flags.removeAll(keepingCapacity: true)
    tenants.removeAll(keepingCapacity: true)
    operations.removeAll(keepingCapacity: true)
    contexts.removeAll(keepingCapacity: true)
    weights.removeAll(keepingCapacity: true)
    bookings.removeAll(keepingCapacity: true)
    payloads.removeAll(keepingCapacity: true)
    rawKeys.removeAll(keepingCapacity: true)
    textKeyLengths.removeAll(keepingCapacity: true)
    textKeys.removeAll(keepingCapacity: true)
  }
}

/// The receipts of the batches that a block holds, as columns.
struct UsageBlockReceipts: ~Copyable {
  /// Number of the source in the block's names.
  var sources: [UInt32] = []
  var epochs: [UInt64] = []
  var sequences: [UInt64] = []
  /// The highest sequence that the source said it issued.
  var highestIssued: [UInt64] = []
  var arrivals: [Int64] = []
  var keyIDs: [UInt32] = []
  /// Number of records in the batch.
  var received: [UInt32] = []
  /// Number of records that were not accepted.
  var exceptionCounts: [UInt32] = []
  /// Bytes of rejected records: 16 for time and quantity, and those of the key.
  var rejectedBytes: [UInt32] = []
  /// For each exception, batch by batch: its number in the batch.
  var exceptionIndices: [UInt32] = []
  /// For each exception: the verdict, or 16 plus the reason of a rejection.
  var exceptionCodes: [UInt8] = []
  /// For each exception: the hour of its event time, or of its arrival if it has no valid one.
  var exceptionHours: [Int32] = []

  var count: Int { sequences.count }

  mutating func removeAll() {
    sources.removeAll(keepingCapacity: true)
    epochs.removeAll(keepingCapacity: true)
    sequences.removeAll(keepingCapacity: true)
    highestIssued.removeAll(keepingCapacity: true)
    arrivals.removeAll(keepingCapacity: true)
    keyIDs.removeAll(keepingCapacity: true)
    received.removeAll(keepingCapacity: true)
    exceptionCounts.removeAll(keepingCapacity: true)
    rejectedBytes.removeAll(keepingCapacity: true)
    exceptionIndices.removeAll(keepingCapacity: true)
    exceptionCodes.removeAll(keepingCapacity: true)
    exceptionHours.removeAll(keepingCapacity: true)
  }
}

/// A block of judged usage: receipts, records, and the names that both refer to.
struct UsageBlock: ~Copyable {
  /// Records, receipts or exceptions at which a block is sealed even if the writer is busy. With
  /// one more group on top it stays far below `BlockLimits.maximumEntryCount`.
  static let fullCount = 65_536
  /// Bytes of text keys and names at which a block is sealed, with one more group on top far below
  /// `BlockLimits.maximumColumnsLength`.
  static let fullByteCount = 1 << 24

  var names = UsageBlockNames()
  var receipts = UsageBlockReceipts()
  var records = UsageBlockRecords()

  var isEmpty: Bool { receipts.count == 0 }
  /// Log positions that the block takes: one for each receipt and each record.
  var entryCount: Int { receipts.count + records.count }
  var isFull: Bool {
    records.count >= Self.fullCount || receipts.count >= Self.fullCount
      || receipts.exceptionCodes.count >= Self.fullCount
      || records.textKeys.count + names.byteCount >= Self.fullByteCount
  }

  mutating func removeAll() {
    names.removeAll()
    receipts.removeAll()
    records.removeAll()
  }
}
