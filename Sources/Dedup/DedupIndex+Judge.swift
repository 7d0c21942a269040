extension DedupIndex {
  /// How many keys ahead memory is asked for.
  private static var prefetchDistance: Int { 28 }
  /// How many keys ahead the home bucket is there, so that a full one's neighbour is asked for.
  private static var neighbourDistance: Int { 8 }

  /// Judges a batch in order, so a key that stands in it twice is new, then known.
  ///
  /// The three columns have the same count and there is room for as many answers; anything else, or
  /// a request that is no ``DedupRequest``, is a bug and traps. Batches of up to 4,096 keys stay
  /// far below a millisecond.
  ///
  /// - Parameters:
  ///   - hashes: the hash of each key.
  ///   - payloads: 16 bits of a digest of each record's payload: equal means duplicate, else
  ///     conflict.
  ///   - requests: a ``DedupRequest`` for each key.
  ///   - arrival: when the batch arrived, in milliseconds. An arrival before the latest one counts
  ///     as the latest.
  ///   - answers: receives a ``DedupAnswer`` for each key.
  public mutating func judge(
    hashes: Span<KeyHash>, payloads: Span<UInt16>, requests: Span<UInt8>, arrival: Int64,
    answers: inout MutableSpan<UInt8>
  ) {
    let count = hashes.count
    precondition(
      payloads.count == count && requests.count == count && answers.count >= count,
      "BUG: the columns of a dedup batch differ in length")
    advance(to: arrival)
    var judged = 0
    while true {
      judged = judge(
        from: judged, hashes: hashes, payloads: payloads, requests: requests, answers: &answers)
      if judged == count { return }
      closeActive()
    }
  }

  /// Judges until the end of the batch or until the active generation takes no more.
  ///
  /// - Returns: the first key that is not judged.
  private mutating func judge(
    from start: Int, hashes: Span<KeyHash>, payloads: Span<UInt16>, requests: Span<UInt8>,
    answers: inout MutableSpan<UInt8>
  ) -> Int {
    let count = hashes.count
    let table = active
    for index in start..<min(start + Self.prefetchDistance, count) {
      table.prefetch(hashes[index])
      prefetchOlder(hashes[index])
    }
    for index in start..<count {
      let ahead = index &+ Self.prefetchDistance
      if ahead < count {
        table.prefetch(hashes[ahead])
        prefetchOlder(hashes[ahead])
      }
      let near = index &+ Self.neighbourDistance
      if near < count { table.prefetchNeighbour(hashes[near]) }
      let request = requests[index]
      if request == DedupRequest.skip.rawValue {
        answers[index] = DedupAnswer.skipped.rawValue
        continue
      }
      precondition(request <= DedupRequest.renew.rawValue, "BUG: no such dedup request")
      let identity = KeyIdentity(hashes[index])
      let payload = payloads[index]
      let answer: DedupAnswer
      var known = table.find(identity)
      if known == nil, request != DedupRequest.renew.rawValue { known = findClosed(identity) }
      if let known {
        answer = known == payload ? .duplicate : .conflict
      } else if request == DedupRequest.probe.rawValue {
        answer = .absent
      } else {
        guard table.insert(identity, payload: payload, arrival: now) else { return index }
        answer = .new
      }
      answers[index] = answer.rawValue
    }
    return count
  }

  /// Asks for the memory that a key will need in the closed tables and in the filter.
  @inline(__always)
  private func prefetchOlder(_ hash: KeyHash) {
    if !runs.isEmpty { filter.prefetch(hash.high) }
    if !closing.isEmpty { for table in closing { table.prefetch(hash) } }
  }

  /// The payload of a key in the closed generations, or nil.
  @inline(__always)
  private func findClosed(_ identity: KeyIdentity) -> UInt16? {
    if !closing.isEmpty {
      for table in closing.reversed() {
        if let payload = table.find(identity) { return payload }
      }
    }
    guard !runs.isEmpty, filter.mayContain(identity.filterHash) else { return nil }
    return findSealed(identity)
  }

  /// The payload of a key in the sealed runs, or nil. The misses of all runs overlap.
  @inline(never)
  private func findSealed(_ identity: KeyIdentity) -> UInt16? {
    for run in runs { run.prefetchIndex(identity) }
    for run in runs { run.prefetchKeys(identity) }
    for run in runs.reversed() {
      if let payload = run.find(identity) { return payload }
    }
    return nil
  }
}
