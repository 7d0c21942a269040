@testable import Dedup

/// The log of a history: what a start replays, and what it may have lost.
///
/// As in a ledger's log a block holds records and receipts, each of which takes a position, and a
/// replay knows of each record only when its block had its last arrival.
struct HistoryLog {
  /// A key that was accepted.
  struct Record {
    var hash: KeyHash
    var payload: UInt16
    var arrival: Int64
  }

  struct Block {
    var from: LogPlace
    var end: LogPlace
    var records: [Record]
    /// When its first batch came; keys of earlier blocks came no later.
    var created: Int64
    var lastArrival: Int64
    /// The horizon that a snapshot at its beginning holds.
    var horizon: Int64
  }

  /// All blocks, those at the beginning that are gone included.
  private(set) var blocks: [Block] = []
  /// How many at the beginning are gone.
  private(set) var goneCount = 0
  /// How many are on stable storage.
  private(set) var syncedCount = 0
  private var openRecords: [Record] = []
  private var openReceipts: UInt64 = 0
  private var created: Int64 = 0
  private var horizon: Int64 = .min

  /// The end of the last block.
  var end: LogPlace { blocks.last?.end ?? LogPlace(position: 0, chain: 0) }

  /// What the index is told of the log.
  var front: LogFront {
    LogFront(sealed: end, open: end.position + UInt64(openRecords.count))
  }

  /// Where the blocks that are left begin.
  var start: LogPlace { goneCount < blocks.count ? blocks[goneCount].from : end }

  /// The end of what is on stable storage.
  var synced: SyncedEnd {
    guard syncedCount > 0 else { return SyncedEnd(position: 0, arrival: 0) }
    let last = blocks[syncedCount - 1]
    return SyncedEnd(position: last.end.position, arrival: last.lastArrival)
  }

  var retained: ArraySlice<Block> { blocks[goneCount...] }

  /// The last record of each key that the log ever had.
  var records: [KeyIdentity: Record] {
    var last: [KeyIdentity: Record] = [:]
    for record in blocks.flatMap(\.records) + openRecords {
      last[KeyIdentity(record.hash)] = record
    }
    return last
  }

  var recordCount: Int { blocks.reduce(openRecords.count) { $0 + $1.records.count } }

  /// Adds what a batch brought, and a receipt.
  mutating func append(_ records: [Record], at now: Int64, horizon: Int64) {
    if openReceipts == 0 { (created, self.horizon) = (now, horizon) }
    openRecords += records
    openReceipts += 1
  }

  /// Ends the open block.
  mutating func seal(chain: UInt64, at now: Int64) {
    guard openReceipts > 0 else { return }
    let from = end
    blocks.append(
      Block(
        from: from, end: LogPlace(position: front.open + openReceipts, chain: chain),
        records: openRecords,
        created: created, lastArrival: now, horizon: horizon))
    (openRecords, openReceipts) = ([], 0)
  }

  /// Waits for the next blocks to be on stable storage.
  mutating func sync(_ count: Int) { syncedCount = min(blocks.count, syncedCount + count) }

  /// Removes the oldest blocks while they may go.
  mutating func removeFirst(while mayGo: (Block) -> Bool) {
    while goneCount + 1 < syncedCount, mayGo(blocks[goneCount]) { goneCount += 1 }
  }

  /// Loses the open block and all behind so many.
  mutating func cut(to count: Int) {
    precondition(count >= syncedCount, "a log loses what was synced")
    (openRecords, openReceipts) = ([], 0)
    blocks.removeSubrange(count...)
    syncedCount = count
  }
}
