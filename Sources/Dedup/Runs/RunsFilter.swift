/// The filter in front of all runs: "certainly in none" or "maybe in one".
///
/// It consists of slices, each for an equal share of all positions, that are made anew one at a
/// time: that takes the memory of one slice, and reads the same share of every run. A slice that
/// was not made yet says "maybe".
@safe
final class RunsFilter {
  /// How many slices; the upper bits of a position choose one.
  static let sliceCount = 64
  private static let shift: UInt32 = 26

  /// A slice and how worn it is.
  struct Slice {
    let filter: SplitBlockBloomFilter
    /// Keys that it was made for, those of the other slices included.
    let capacity: Int
    /// Keys that were put into it, counted like ``capacity``, departed ones included.
    var keys = 0

    /// An empty slice.
    init(capacity: Int, bitsPerKey: Int) {
      self.capacity = capacity
      filter = SplitBlockBloomFilter(
        capacity: (capacity + sliceCount - 1) / sliceCount, bitsPerKey: bitsPerKey)
    }
  }

  private(set) var slices: [Slice?] = Array(repeating: nil, count: sliceCount)
  /// A slice that is not made has one block, with all bits set.
  private let places: UnsafeMutablePointer<SplitBlockBloomFilter.Place>
  private let everything = SplitBlockBloomFilter(capacity: 1, bitsPerKey: 0)

  init() {
    unsafe places = .allocate(capacity: Self.sliceCount)
    for word in 0..<4 { everything.memory.store(UInt64.max, at: word * 8) }
    unsafe places.initialize(repeating: everything.place, count: Self.sliceCount)
  }

  deinit { unsafe places.deallocate() }

  /// The slice of a position.
  @inline(__always)
  static func slice(of position: UInt32) -> Int { Int(position &>> shift) }

  /// The least position of a slice.
  static func firstPosition(of slice: Int) -> UInt32 { UInt32(slice) << shift }

  /// A position as a slice's filter takes it.
  @inline(__always)
  private static func inner(_ position: UInt32) -> UInt32 { position &<< (32 &- shift) }

  /// Puts a key into the filter of its slice.
  @inline(__always)
  static func insert(_ identity: KeyIdentity, into filter: SplitBlockBloomFilter) {
    filter.insert(position: inner(identity.position), bits: identity.filterBits)
  }

  /// Whether a key may be in a run; false is certain.
  @inline(__always)
  func mayContain(_ identity: KeyIdentity) -> Bool {
    unsafe places[Self.slice(of: identity.position)].mayContain(
      position: Self.inner(identity.position), bits: identity.filterBits)
  }

  /// Asks for what ``mayContain(_:)`` reads.
  @inline(__always)
  func prefetch(_ position: UInt32) {
    unsafe places[Self.slice(of: position)].prefetch(Self.inner(position))
  }

  // MARK: Slices

  /// The filters of all slices, nil where there is none.
  var filters: [SplitBlockBloomFilter?] { slices.map { $0?.filter } }

  /// Exchanges a slice.
  ///
  /// - Returns: the memory of the one before.
  func replace(_ number: Int, with slice: Slice?) -> TableMemory? {
    let old = slices[number]?.filter.memory
    slices[number] = slice
    unsafe places[number] = (slice?.filter ?? everything).place
    return old
  }

  /// Notes that a run's keys are in every slice.
  func count(_ run: SealedRun) {
    for number in slices.indices { slices[number]?.keys += run.header.keyCount }
  }

  /// Keys of the slices that are made together; where one has more, it is made alone.
  private static let keysPerTurn = 1 << 20

  /// The slices to make next: some that are missing, worn or far too large.
  ///
  /// - Parameters:
  ///   - keys: keys of all runs.
  ///   - minimum: the least capacity.
  ///   - bitsPerKey: of their filters.
  func wantedSlices(keys: Int, minimum: Int, bitsPerKey: Int) -> SliceOrder? {
    func isWanted(_ slice: Slice?) -> Bool {
      guard let slice else { return true }
      return slice.keys > slice.capacity || slice.capacity > max(minimum, 8 * keys)
    }
    // As a rule none is, and nothing is allocated.
    guard slices.contains(where: isWanted) else { return nil }
    let numbers = slices.indices.filter { isWanted(slices[$0]) }
    // With an eighth more, a filter in a steady state is made anew eight times in a window.
    let capacity = max(minimum, keys + keys / 8)
    let turn = max(1, Self.keysPerTurn * Self.sliceCount / capacity)
    return SliceOrder(
      numbers: numbers.prefix(turn), capacity: capacity, bitsPerKey: bitsPerKey)
  }

  // MARK: Figures

  /// Bytes of memory.
  var mappedBytes: Int { slices.reduce(0) { $0 + ($1?.filter.memory.mappedBytes ?? 0) } }

  /// Keys that were put into the slices, departed ones included.
  var keyCount: Int { slices.reduce(0) { $0 + ($1?.keys ?? 0) } / Self.sliceCount }

  /// Share of the bits that are set, 0 to 1, from a sample of blocks; a missing slice counts as
  /// full.
  var sampledFill: Double {
    let fill = slices.reduce(0) { $0 + ($1?.filter.sampledFill(blocks: 16) ?? 1) }
    return fill / Double(Self.sliceCount)
  }
}

/// Slices of a filter that are to be made.
struct SliceOrder {
  let numbers: ArraySlice<Int>
  let capacity: Int
  let bitsPerKey: Int

  /// Takes the memory of the slices; they stand at their numbers, nil for the others.
  func make() -> [RunsFilter.Slice?] {
    var slices = [RunsFilter.Slice?](repeating: nil, count: RunsFilter.sliceCount)
    for number in numbers {
      slices[number] = RunsFilter.Slice(capacity: capacity, bitsPerKey: bitsPerKey)
    }
    return slices
  }
}

/// Keys of runs that are put into slices of a filter.
struct FilterFilling {
  /// The filters of the slices to fill, by their numbers; nil for the others.
  let filters: [SplitBlockBloomFilter?]
  let runs: [SealedRun]

  /// Does it. Complexity: O(keys of these slices).
  ///
  /// - Parameter rest: called after each step.
  /// - Throws: ``RunError`` if a page is damaged.
  func perform(rest: () -> Void) throws(RunError) {
    for run in runs {
      for (number, filter) in filters.enumerated() {
        if let filter { try fill(number, filter, from: run, rest: rest) }
      }
    }
  }

  private func fill(
    _ number: Int, _ filter: SplitBlockBloomFilter, from run: SealedRun, rest: () -> Void
  ) throws(RunError) {
    let pages = run.pages(from: RunsFilter.firstPosition(of: number))
    for page in pages {
      run.readAhead(page, since: pages.lowerBound)
      let keys = try run.keys(ofPage: page)
      for place in 0..<keys.count {
        let identity = keys[place].identity
        let slice = RunsFilter.slice(of: identity.position)
        if slice > number { return }
        if slice == number { RunsFilter.insert(identity, into: filter) }
      }
      if page.isMultiple(of: Self.pagesPerStep) { rest() }
    }
  }

  private static let pagesPerStep = 64
}
