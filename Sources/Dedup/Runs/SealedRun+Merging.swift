extension SealedRun {
  /// Writes the keys of neighbouring runs, the oldest run first, as one sorted sequence.
  ///
  /// A key that stands in two of them is written once, with the newer payload.
  /// Complexity: O(keys × runs).
  ///
  /// - Parameter rest: called after each page that is read.
  /// - Throws: ``RunError`` if a page is damaged, or what the file throws.
  static func merge(
    _ runs: [SealedRun], into writer: inout RunWriter, rest: () -> Void
  ) throws {
    var cursors: [Cursor] = []
    for run in runs { cursors.append(try Cursor(run)) }
    while true {
      var least: (cursor: Int, key: SealedKey)?
      for (index, cursor) in cursors.enumerated() {
        guard let key = cursor.key else { continue }
        // Of two equal identities the newer run's is taken.
        if let found = least, found.key.identity < key.identity { continue }
        least = (index, key)
      }
      guard let least else { return }
      try writer.append(least.key)
      for index in cursors.indices where cursors[index].key?.identity == least.key.identity {
        try cursors[index].advance(rest: rest)
      }
    }
  }

  /// Goes through the keys of a run in order.
  private struct Cursor {
    private let run: SealedRun
    /// The keys of one page.
    private var keys: [SealedKey] = []
    private var page = 0
    private var place = 0

    init(_ run: SealedRun) throws(RunError) {
      self.run = run
      try load()
    }

    /// The key where the cursor stands, nil behind the last.
    @inline(__always)
    var key: SealedKey? { place < keys.count ? keys[place] : nil }

    @inline(__always)
    mutating func advance(rest: () -> Void) throws(RunError) {
      place &+= 1
      guard place == keys.count, page &+ 1 < run.header.pageCount else { return }
      page &+= 1
      rest()
      try load()
    }

    private mutating func load() throws(RunError) {
      let run = run
      run.readAhead(page, since: 0)
      let content = try run.keys(ofPage: page)
      keys.removeAll(keepingCapacity: true)
      for place in 0..<content.count { keys.append(content[place]) }
      place = 0
    }
  }
}
