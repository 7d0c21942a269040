extension RollupTable {
  /// Keys that go through each stage together: hash and ask the index, ask the rows, compare.
  private static let stride = 32

  /// A key that is on its way: its hash, and the row that it probably has.
  private struct Pending: BitwiseCopyable {
    var hash: UInt64 = 0
    var row: UInt32? = nil
  }

  /// What ``find(_:into:)`` gives for a key without a row.
  public static let noSlot: UInt32 = .max

  /// The rows of a batch of keys, in the order of the keys.
  ///
  /// This is the quick way in: the index and then the row of a key are fetched from memory while
  /// the keys before it are searched, so that a table far larger than the caches costs little
  /// more. O(1) for each key.
  ///
  /// - Parameters:
  ///   - keys: the keys; one may stand there more than once.
  ///   - slots: at least as long; gets the slot of each key, or ``noSlot``.
  public func find(_ keys: Span<RollupKey>, into slots: inout MutableSpan<UInt32>) {
    precondition(slots.count >= keys.count, "BUG: less room for slots than keys")
    var pending = InlineArray<128, Pending>(repeating: Pending())
    let stride = RollupTable.stride
    // Three strides are on their way at a time, each one stage behind the next.
    for first in Swift.stride(from: -2 * stride, to: keys.count, by: stride) {
      for place in window(first + 2 * stride, keys.count) {
        let hash = hashValue(keys[place])
        index.prefetch(hash)
        pending[place & 127].hash = hash
      }
      for place in window(first + stride, keys.count) {
        let row = index.guess(pending[place & 127].hash)
        pending[place & 127].row = row
        if let row { rows.prefetch(Int(row)) }
      }
      for place in window(first, keys.count) {
        let current = pending[place & 127]
        if let row = current.row, isRow(row, of: keys[place]) {
          slots[place] = row
        } else {
          slots[place] = find(keys[place], current.hash) ?? RollupTable.noSlot
        }
      }
    }
  }

  /// The places of the stride that begins at `first`.
  @inline(__always)
  private func window(_ first: Int, _ count: Int) -> Range<Int> {
    let start = min(max(first, 0), count)
    return start..<max(start, min(first + RollupTable.stride, count))
  }
}
