/// A key of a batch that stands in a run.
struct SealedMatch {
  /// The key's place in the batch.
  let place: Int
  let payload: UInt16
}

extension DedupIndex {
  /// The keys of a batch that stand in runs, by their places.
  ///
  /// The filter over all runs lets few keys through that are in none. For those that it lets
  /// through the small filter of each run says which pages to read; all of them are asked for
  /// before the first one is read, and the newest run's is read first.
  ///
  /// - Throws: ``RunError`` if a page is damaged.
  func findSealed(_ hashes: Span<KeyHash>) throws(RunError) -> [SealedMatch] {
    let maybes = mayBeSealed(hashes)
    if maybes.isEmpty { return [] }
    let candidates = candidates(maybes, hashes)
    // One alone is best read at once.
    if candidates.count > 1 {
      for candidate in candidates {
        runs[candidate.run].willNeed(KeyIdentity(hashes[candidate.place]))
      }
    }
    var matches: [SealedMatch] = []
    for candidate in candidates {
      // Candidates of one key stand together, the newest run's first.
      if matches.last?.place == candidate.place { continue }
      let payload = try runs[candidate.run].find(KeyIdentity(hashes[candidate.place]))
      if let payload { matches.append(SealedMatch(place: candidate.place, payload: payload)) }
    }
    return matches
  }

  /// A key that may stand in a run.
  private struct Candidate {
    let place: Int
    let run: Int
  }

  /// The places of the keys that the filter lets through.
  private func mayBeSealed(_ hashes: Span<KeyHash>) -> [Int] {
    let filter = filter
    var maybes: [Int] = []
    let count = hashes.count
    for index in 0..<min(Self.stride, count) {
      filter.prefetch(KeyIdentity(hashes[index]).position)
    }
    var first = 0
    while first < count {
      let end = min(first &+ Self.stride, count)
      let next = min(end &+ Self.stride, count)
      for index in end..<next { filter.prefetch(KeyIdentity(hashes[index]).position) }
      for index in first..<end {
        if filter.mayContain(KeyIdentity(hashes[index])) { maybes.append(index) }
      }
      first = end
    }
    return maybes
  }

  /// The runs that each of these keys may stand in, by their own filters; those of one key stand
  /// together, the newest run's first.
  private func candidates(_ maybes: [Int], _ hashes: Span<KeyHash>) -> [Candidate] {
    var found: [Candidate] = []
    let filters = unsafe runs.map { unsafe $0.filter.place }
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
          found.append(Candidate(place: place, run: index))
        }
      }
    }
    return found
  }
}
