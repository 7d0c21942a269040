/// The sums of usage since the last flush, by rollup key.
///
/// Rows lie densely in chunks and never move while the table grows; an index finds them. The quick
/// way is by batch: ``find(_:into:)``, then ``findOrInsert(_:)`` for the few keys that have no row
/// yet, and ``add(_:quantity:weighted:byteMilliseconds:digest:)`` for each record. A slot is valid
/// until ``removeAll()``.
///
/// One thread owns a table. The table may be handed over: memory for millions of rows takes some
/// milliseconds to give back, which a thread that receives should not spend.
public struct RollupTable: ~Copyable, Sendable {
  /// Rows whose memory ``removeAll()`` keeps for the next round.
  public static let keptRows = 1 << 18

  /// 24 bytes of key and 72 of sums: two cache lines wherever a row begins in its chunk.
  struct Row: BitwiseCopyable {
    var key: RollupKey
    var count: Int64
    var quantity: Int128
    var weighted: Int128
    var byteMilliseconds: Int128
    var digest: UInt128
  }

  private let hash: IntegerHash
  private(set) var index = HashIndex()
  private(set) var rows = ChunkedRows<Row>(chunkShift: 16)

  /// An empty table.
  ///
  /// - Parameter seed: any number; it only moves the rows in the index.
  public init(seed: UInt64) {
    hash = IntegerHash(seed: seed)
  }

  /// Number of rows.
  public var count: Int { rows.count }

  /// Bytes of memory held.
  public var byteCount: Int { index.byteCount + rows.byteCount }

  /// Asks the memory for what a search for this key reads first.
  @inline(__always)
  public func prefetch(_ key: RollupKey) {
    index.prefetch(hashValue(key))
  }

  /// Asks the memory for a row.
  @inline(__always)
  func prefetch(row: UInt32) { rows.prefetch(Int(row)) }

  /// The row of a key, or nil if it has none. O(1).
  public func find(_ key: RollupKey) -> UInt32? {
    find(key, hashValue(key))
  }

  /// The row of a key, which it gets now, with sums of zero, if it is new. Amortised O(1).
  @inline(__always)
  public mutating func findOrInsert(_ key: RollupKey) -> (slot: UInt32, isNew: Bool) {
    let hashValue = hashValue(key)
    if let found = find(key, hashValue) { return (found, false) }
    return (insert(key, hashValue), true)
  }

  @inline(__always)
  func hashValue(_ key: RollupKey) -> UInt64 {
    hash(key.first, key.second, key.third)
  }

  @inline(__always)
  func find(_ key: RollupKey, _ hashValue: UInt64) -> UInt32? {
    index.find(hashValue) { row in isRow(row, of: key) }
  }

  @inline(__always)
  func isRow(_ row: UInt32, of key: RollupKey) -> Bool {
    unsafe rows.pointer(Int(row)).pointee.key == key
  }

  @inline(never)
  private mutating func insert(_ key: RollupKey, _ hashValue: UInt64) -> UInt32 {
    precondition(rows.count < Int(UInt32.max), "BUG: more rollup rows than 32 bits can number")
    let slot = UInt32(truncatingIfNeeded: rows.count)
    unsafe rows.append().initialize(
      to: Row(
        key: key, count: 0, quantity: 0, weighted: 0, byteMilliseconds: 0, digest: 0))
    index.insert(hashValue, row: slot)
    return slot
  }

  /// Forgets all rows and their slots. Memory of up to ``keptRows`` rows is kept. O(memory kept).
  public mutating func removeAll() {
    rows.removeAll(keepingRows: RollupTable.keptRows)
    index.removeAll(keepingCapacity: 2 * RollupTable.keptRows)
  }
}
