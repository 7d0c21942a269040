/// A piece of an index's upkeep that takes too long for the thread that judges.
///
/// ``DedupIndex/takeUpkeep(synced:)`` gives it out, ``perform(rest:)`` may run on any one thread
/// while the index goes on judging, and ``DedupIndex/finish(_:)`` takes it back. It touches only
/// what the index no longer changes: a table that nobody has yet, a closed table, runs, memory that
/// has left.
///
/// One thread at a time has a piece; handing it over is the caller's to synchronize.
public final class DedupUpkeep: @unchecked Sendable {
  enum Work {
    /// Take the memory of the table that will be active next.
    case prepare(BucketTable)
    /// Write a closed table as a run, and put its keys into the filters of slices.
    case seal(BucketTable, RunOrder, [SplitBlockBloomFilter?])
    /// Put the keys of a sealed run into slices that came while it was sealed.
    case list(FilterFilling)
    /// Write neighbouring runs, the oldest one first, as one.
    case merge([SealedRun], RunOrder)
    /// Make slices of the filter from runs.
    case make(SliceOrder, [SealedRun])
    /// Put the keys of runs that came meanwhile into slices that nobody asks yet.
    case fill(FilterFilling)
    /// Give memory back, and the memory and files of runs.
    case release(RetiredParts, any RunStore)
  }

  /// A ``Work`` without what it needs.
  enum Kind {
    case prepare, seal, list, merge, make, fill, release
  }

  private(set) var work: Work
  /// What sealing or merging has made.
  private(set) var run: SealedRun?
  /// The slices that were made, by their numbers.
  private(set) var slices: [RunsFilter.Slice?] = []
  /// Why it could not be done.
  private(set) var error: (any Error)?
  private(set) var isDone = false

  init(_ work: Work) { self.work = work }

  /// Does the work: some seconds for each ten million keys, most of them for the disk.
  ///
  /// - Parameter rest: called after each step of at most about a millisecond, so that the caller
  ///   can leave the core to others.
  public func perform(rest: () -> Void = {}) {
    precondition(!isDone, "BUG: a piece of upkeep is done twice")
    do {
      try performWork(rest: rest)
    } catch {
      self.error = error
    }
    isDone = true
  }

  private func performWork(rest: () -> Void) throws {
    switch work {
    case .prepare(let table): table.memory.prepare(rest: rest)
    case .seal(let table, let order, let filters):
      run = try order.write { writer in
        try SealedRun.write(table, into: &writer, filters: filters, rest: rest)
      }
    case .merge(let runs, let order):
      run = try order.write { writer in
        try SealedRun.merge(runs, into: &writer, rest: rest)
      }
    case .make(let order, let runs):
      slices = order.make()
      try FilterFilling(filters: slices.map { $0?.filter }, runs: runs).perform(rest: rest)
    case .list(let filling), .fill(let filling): try filling.perform(rest: rest)
    case .release(let parts, let store):
      for memory in parts.memory { memory.free(rest: rest) }
      for run in parts.runs {
        for memory in run.memory { memory.free(rest: rest) }
        store.remove(run.header.number)
        rest()
      }
      // The files are unmapped here, and not on the thread that takes the piece back.
      work = .release(RetiredParts(), store)
    }
  }

  var kind: Kind {
    switch work {
    case .prepare: .prepare
    case .seal: .seal
    case .list: .list
    case .merge: .merge
    case .make: .make
    case .fill: .fill
    case .release: .release
    }
  }

  /// Whether it reads a run.
  func uses(_ run: SealedRun) -> Bool {
    switch work {
    case .merge(let runs, _), .make(_, let runs): runs.contains { $0 === run }
    case .list(let filling), .fill(let filling): filling.runs.contains { $0 === run }
    case .prepare, .seal, .release: false
    }
  }

  /// Whether it reads or writes some memory.
  func uses(_ memory: TableMemory) -> Bool {
    switch work {
    case .prepare(let table): table.memory === memory
    case .seal(let table, _, let filters):
      table.memory === memory || filters.contains { $0?.memory === memory }
    case .list(let filling), .fill(let filling):
      filling.filters.contains { $0?.memory === memory }
    case .merge, .make, .release: false
    }
  }
}

/// A run that is to be written.
struct RunOrder {
  let number: UInt64
  let owner: RunOwner
  let span: RunSpan
  let maximumKeys: Int
  let filterBitsPerKey: Int
  let store: any RunStore

  /// Lets a body write the keys.
  func write(_ body: (inout RunWriter) throws -> Void) throws -> SealedRun {
    var writer = try RunWriter(
      number, maximumKeys: maximumKeys, filterBitsPerKey: filterBitsPerKey, in: store)
    try body(&writer)
    return try writer.finish(owner, span: span)
  }
}

/// Who performs the upkeep of an index beside the thread that judges.
public protocol UpkeepPerformer: AnyObject {
  /// Begins a piece, and returns at once.
  func perform(_ upkeep: DedupUpkeep)

  /// Takes the pieces that are done.
  func takeDone() -> [DedupUpkeep]
}
