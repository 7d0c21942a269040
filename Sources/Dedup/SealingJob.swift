/// The work on the oldest closing generation: gather its keys into a run, then put them into a
/// filter, the present one or a new one that all runs are put into.
struct SealingJob {
  /// A filter that is being filled, and how far.
  struct Filling {
    let filter: SplitBlockBloomFilter
    /// Whether the memory of a new filter is still being taken.
    var isPreparing: Bool
    /// The run that is read: an index of the sealed runs; after them comes the job's own run.
    var nextRun: Int
    var nextKey = 0
  }

  var pass: SealingPass
  var filling: Filling?

  var run: SealedRun { pass.run }

  init(table: BucketTable) { pass = SealingPass(table: table) }

  /// Keeps its place when the oldest sealed run has left.
  mutating func removedFirstRun() {
    guard var filling else { return }
    if filling.nextRun > 0 { filling.nextRun -= 1 } else { filling.nextKey = 0 }
    self.filling = filling
  }
}

/// A table that waits to become active, and whether all its memory has been taken.
struct PreparedTable {
  let table: BucketTable
  var isReady = false
}
