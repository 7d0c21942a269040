extension DedupIndex {
  /// Keys whose memory is asked for at once, while the ones before are judged.
  ///
  /// Nothing but the requests stands in that loop: the processor then looks up many of their pages
  /// at a time, which costs more than fetching the lines where pages are small.
  private static var stride: Int { 32 }
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
    var end = min(start &+ Self.stride, count)
    prefetch(hashes.extracting(start..<end), table)
    var index = start
    while index < count {
      let next = min(end &+ Self.stride, count)
      prefetch(hashes.extracting(end..<next), table)
      while index < end {
        let near = index &+ Self.neighbourDistance
        if near < count { table.prefetchNeighbour(hashes[near]) }
        let answer = judge(
          KeyIdentity(hashes[index]), payload: payloads[index], request: requests[index], in: table)
        guard let answer else { return index }
        answers[index] = answer.rawValue
        index &+= 1
      }
      end = next
    }
    return count
  }

  /// Judges one key; nil if it is new and the active generation takes no more.
  @inline(__always)
  private func judge(
    _ identity: KeyIdentity, payload: UInt16, request: UInt8, in table: BucketTable
  ) -> DedupAnswer? {
    if request == DedupRequest.skip.rawValue { return .skipped }
    precondition(request <= DedupRequest.renew.rawValue, "BUG: no such dedup request")
    var known = table.find(identity)
    if known == nil, request != DedupRequest.renew.rawValue { known = findClosed(identity) }
    if let known { return known == payload ? .duplicate : .conflict }
    if request == DedupRequest.probe.rawValue { return .absent }
    return table.insert(identity, payload: payload, arrival: now) ? .new : nil
  }

  /// Asks for the memory that keys will need in the tables and in the filter.
  private func prefetch(_ hashes: Span<KeyHash>, _ table: BucketTable) {
    for index in hashes.indices { table.prefetch(hashes[index]) }
    if !runs.isEmpty {
      let filter = filter
      for index in hashes.indices { filter.prefetch(hashes[index].high) }
    }
    for table in closing {
      for index in hashes.indices { table.prefetch(hashes[index]) }
    }
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
