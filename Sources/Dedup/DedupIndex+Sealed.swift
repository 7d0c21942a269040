/// A key of a batch that stands in a run.
struct SealedMatch {
  /// The key's place in the batch.
  let place: Int
  let payload: UInt16
}

/// Columns of ``DedupIndex/findSealed(_:)``, kept so that a batch allocates nothing.
@safe
struct SealedScratch {
  /// A key that may stand in a run.
  struct Candidate {
    let place: Int
    let run: Int
  }

  /// The places of the keys that the filter lets through.
  var maybes: [Int] = []
  /// The runs that each of these keys may stand in; those of one key stand together, the newest
  /// run's first.
  var candidates: [Candidate] = []
  var matches: [SealedMatch] = []
  /// The filters of all runs.
  var filters: [SplitBlockBloomFilter.Place] = unsafe []
}

extension DedupIndex {
  /// The keys of a batch that stand in runs, by their places.
  ///
  /// The filter over all runs lets few keys through that are in none. For those that it lets
  /// through the small filter of each run says which pages to read; all of them are asked for
  /// before the first one is read, and the newest run's is read first.
  ///
  /// - Throws: ``RunError`` if a page is damaged.
  mutating func findSealed(_ hashes: Span<KeyHash>) throws(RunError) -> [SealedMatch] {
    scratch.matches.removeAll(keepingCapacity: true)
    findMaybes(hashes)
    if scratch.maybes.isEmpty { return scratch.matches }
    findCandidates(hashes)
    // One alone is best read at once.
    if scratch.candidates.count > 1 {
      for candidate in scratch.candidates {
        runs[candidate.run].willNeed(KeyIdentity(hashes[candidate.place]))
      }
    }
    for candidate in scratch.candidates {
      // Candidates of one key stand together, the newest run's first.
      if scratch.matches.last?.place == candidate.place { continue }
      let payload = try runs[candidate.run].find(KeyIdentity(hashes[candidate.place]))
      if let payload {
        scratch.matches.append(SealedMatch(place: candidate.place, payload: payload))
      }
    }
    return scratch.matches
  }

  private mutating func findMaybes(_ hashes: Span<KeyHash>) {
    let filter = filter
    scratch.maybes.removeAll(keepingCapacity: true)
    let count = hashes.count
    for index in 0..<min(Self.stride, count) {
      filter.prefetch(KeyIdentity(hashes[index]).position)
    }
    var first = 0
    while first < count {
      let end = min(first &+ Self.stride, count)
      let next = min(end &+ Self.stride, count)
      for index in end..<next { filter.prefetch(KeyIdentity(hashes[index]).position) }
      for index in first..<end where filter.mayContain(KeyIdentity(hashes[index])) {
        scratch.maybes.append(index)
      }
      first = end
    }
  }

  private mutating func findCandidates(_ hashes: Span<KeyHash>) {
    scratch.candidates.removeAll(keepingCapacity: true)
    unsafe scratch.filters.removeAll(keepingCapacity: true)
    for run in runs { unsafe scratch.filters.append(run.filter.place) }
    let filters = unsafe scratch.filters
    let maybes = scratch.maybes
    let ahead = 4
    for (number, place) in maybes.enumerated() {
      if number + ahead < maybes.count {
        let position = KeyIdentity(hashes[maybes[number + ahead]]).position
        for index in unsafe filters.indices { unsafe filters[index].prefetch(position) }
      }
      let identity = KeyIdentity(hashes[place])
      var index = unsafe filters.count
      while index > 0 {
        index &-= 1
        if unsafe filters[index].mayContain(position: identity.position, bits: identity.tag) {
          scratch.candidates.append(SealedScratch.Candidate(place: place, run: index))
        }
      }
    }
  }
}
