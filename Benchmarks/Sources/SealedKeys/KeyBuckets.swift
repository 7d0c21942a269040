internal import Dedup

/// The numbers of keys, those with neighbouring places in all runs together.
struct KeyBuckets {
  private(set) var buckets: [[UInt32]]

  /// The numbers below a limit whose hashes lie in one share of all hashes.
  init(_ keys: NumberedKeys, below count: Int, share: Int, of shares: Int) {
    let width = 1_024
    var found = [[UInt32]](repeating: [], count: width)
    for place in found.indices { found[place].reserveCapacity(count / shares / width * 9 / 8) }
    for number in 0..<UInt32(count) {
      let hash = keys.hash(UInt64(number)).high
      let place = Int(hash.multipliedFullWidth(by: UInt64(shares * width)).high)
      if place / width == share { found[place % width].append(number) }
    }
    buckets = found
  }
}
