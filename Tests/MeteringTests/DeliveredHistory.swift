import SeededRandom

/// A random history of batches, delivered as a network does it.
protocol DeliveredHistory {
  var random: SplitMix64 { get set }
  /// Batches that were delivered.
  var sent: [TestBatch] { get set }

  /// A batch that no source sent before.
  mutating func newBatch() -> TestBatch
}

extension DeliveredHistory {
  /// A number below `sides`.
  mutating func roll(_ sides: Int) -> Int { Int.random(in: 0..<sides, using: &random) }

  /// Delivers one to `limit` batches together: new ones, some once more, some twice in a row.
  mutating func deliver(upTo limit: Int) -> [TestBatch] {
    var group: [TestBatch] = []
    for _ in 0...roll(limit) {
      if roll(5) == 0, let old = sent.randomElement(using: &random) {
        group.append(old)
      } else if roll(8) == 0, let copy = group.last {
        group.append(copy)
      } else {
        group.append(newBatch())
      }
    }
    sent += group
    return group
  }
}
