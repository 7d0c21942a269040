extension RollupTable {
  /// How many keys ahead the index is asked for.
  private static let indexDistance = 32
  /// How many keys ahead the index is read and the row asked for.
  private static let rowDistance = 16

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
    var pending = InlineArray<32, Pending>(repeating: Pending())
    let mask = RollupTable.indexDistance - 1
    for place in -RollupTable.indexDistance..<keys.count {
      let indexed = place + RollupTable.indexDistance
      let guessed = place + RollupTable.rowDistance
      // The key that is searched now leaves its place to the one that comes in last.
      let current = pending[indexed & mask]
      if indexed < keys.count {
        let hash = hashValue(keys[indexed])
        index.prefetch(hash)
        pending[indexed & mask].hash = hash
      }
      if guessed >= 0 && guessed < keys.count {
        let row = index.guess(pending[guessed & mask].hash)
        pending[guessed & mask].row = row
        if let row { rows.prefetch(Int(row)) }
      }
      guard place >= 0 else { continue }
      if let row = current.row, isRow(row, of: keys[place]) {
        slots[place] = row
      } else {
        slots[place] = find(keys[place], current.hash) ?? RollupTable.noSlot
      }
    }
  }
}
