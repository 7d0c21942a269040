/// The receipts of the most recent batches, first in, first out, within two limits.
///
/// A batch that is not here any more but in the ``SequenceSet`` was judged: its ack says so without
/// details. Nothing is allocated once the cache is full. One thread owns a cache.
public struct ReceiptCache: ~Copyable, Sendable {
  private struct Entry {
    var key: BatchKey
    var receipt: Receipt
    /// Where its exceptions begin in the ring.
    var exceptionStart: Int
    var exceptionCount: Int
  }

  /// The largest number of receipts.
  public let capacity: Int
  /// The largest number of bytes of exceptions of all receipts together.
  public let exceptionCapacity: Int

  private let hash: IntegerHash
  private var index = HashIndex()
  /// A ring once it has grown to the capacity: the oldest receipt is at `head`.
  private var entries: [Entry] = []
  private var head = 0
  /// The exceptions of all receipts, in the order of the receipts: a ring too. Arrays of their own
  /// would live scattered between the large buffers of blocks, and the heap would never shrink.
  private var exceptionRing: [UInt8] = []
  private var exceptionHead = 0

  /// Number of receipts.
  public private(set) var count = 0

  /// Bytes of exceptions of all receipts together.
  public private(set) var exceptionByteCount = 0

  /// An empty cache.
  ///
  /// - Parameters:
  ///   - capacity: the largest number of receipts, 1 to 2³² − 1.
  ///   - exceptionCapacity: the largest number of bytes of exceptions, 0 or more.
  ///   - seed: a number that senders do not know; it moves the receipts in memory.
  public init(capacity: Int, exceptionCapacity: Int, seed: UInt64) {
    precondition(
      (1...Int(UInt32.max)).contains(capacity) && exceptionCapacity >= 0,
      "BUG: a receipt cache without room or with more than 32 bits can number")
    self.capacity = capacity
    self.exceptionCapacity = exceptionCapacity
    hash = IntegerHash(seed: seed)
    // Pages that no receipt has reached take no memory.
    entries.reserveCapacity(capacity)
  }

  /// Bytes of memory held, with all capacity counted.
  public var byteCount: Int {
    entries.capacity * MemoryLayout<Entry>.stride + exceptionRing.capacity + index.byteCount
  }

  /// The receipt of a batch, or nil if it has none here. O(1).
  public func find(_ key: BatchKey) -> Receipt? {
    row(of: key, hashValue(key)).map { entries[Int($0)].receipt }
  }

  /// The receipt of a batch, or nil if it has none here; its exceptions are appended to `bytes`.
  /// O(length of the exceptions).
  public func find(_ key: BatchKey, exceptions bytes: inout [UInt8]) -> Receipt? {
    guard let row = row(of: key, hashValue(key)) else { return nil }
    let entry = entries[Int(row)]
    let first = min(entry.exceptionCount, exceptionRing.count - entry.exceptionStart)
    bytes += exceptionRing[entry.exceptionStart..<entry.exceptionStart + first]
    bytes += exceptionRing[0..<entry.exceptionCount - first]
    return entry.receipt
  }

  /// Asks the memory for what keeping or finding the receipt of a batch reads first.
  func prefetch(_ key: BatchKey) { index.prefetch(hashValue(key)) }

  /// Keeps the receipt of a batch that has none here, and forgets the oldest ones that have no room
  /// beside it.
  ///
  /// O(1) amortised. That the batch is new is for the caller to know, from its ``SequenceSet``: to
  /// look for it here would cost a miss of the caches for every batch.
  ///
  /// - Parameters:
  ///   - receipt: the receipt.
  ///   - exceptions: the encoded list of records that were not accepted; empty for many batches.
  ///   - key: the batch.
  /// - Returns: false if nothing was kept, because the exceptions alone are larger than
  ///   ``exceptionCapacity``.
  @discardableResult
  public mutating func insert(
    _ receipt: Receipt, exceptions: Span<UInt8>, for key: BatchKey
  ) -> Bool {
    let hashValue = hashValue(key)
    let byteCount = exceptions.count
    guard byteCount <= exceptionCapacity else { return false }
    while count == capacity || exceptionByteCount + byteCount > exceptionCapacity {
      removeOldest()
    }
    if count > Self.removalDistance { prefetch(entries[place(Self.removalDistance)].key) }
    let place = place(count)
    let entry = Entry(
      key: key, receipt: receipt, exceptionStart: store(exceptions), exceptionCount: byteCount)
    if place < entries.count {
      entries[place] = entry
    } else {
      entries.append(entry)
    }
    count += 1
    exceptionByteCount += byteCount
    index.insert(hashValue, row: UInt32(truncatingIfNeeded: place))
    return true
  }

  /// Puts exceptions behind those that are there, for which there is room.
  ///
  /// - Returns: where they begin.
  private mutating func store(_ exceptions: Span<UInt8>) -> Int {
    guard !exceptions.isEmpty else { return 0 }
    let start = wrapped(exceptionHead + exceptionByteCount)
    for index in exceptions.indices {
      let place = wrapped(start + index)
      if place < exceptionRing.count {
        exceptionRing[place] = exceptions[index]
      } else {
        exceptionRing.append(exceptions[index])
      }
    }
    return start
  }

  /// A place in the ring of exceptions, from one that is at most one round further.
  private func wrapped(_ place: Int) -> Int {
    place < exceptionCapacity ? place : place - exceptionCapacity
  }

  /// How many receipts before its removal the index is asked for a receipt's place.
  private static let removalDistance = 8

  /// Where a receipt stands, by its number behind the oldest one.
  private func place(_ number: Int) -> Int {
    let place = head + number
    return place < capacity ? place : place - capacity
  }

  private mutating func removeOldest() {
    precondition(count > 0, "BUG: an empty receipt cache is full")
    index.remove(hashValue(entries[head].key), row: UInt32(truncatingIfNeeded: head))
    let removed = entries[head].exceptionCount
    exceptionByteCount -= removed
    if removed > 0 { exceptionHead = wrapped(exceptionHead + removed) }
    head = place(1)
    count -= 1
  }

  private func row(of key: BatchKey, _ hashValue: UInt64) -> UInt32? {
    index.find(hashValue) { row in entries[Int(row)].key == key }
  }

  private func hashValue(_ key: BatchKey) -> UInt64 {
    hash(UInt64(key.source), key.epoch, key.sequence)
  }
}
