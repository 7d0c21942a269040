extension DedupIndex {
  /// Keys whose memory is asked for at once, while the ones before are judged.
  ///
  /// Nothing but the requests stands in that loop: the processor then looks up many of their pages
  /// at a time, which costs more than fetching the lines where pages are small.
  static var stride: Int { KnownPayloads.count }

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
    let asksClosed = (!closing.isEmpty || !runs.isEmpty) && Self.askClosed(requests)
    var closed = KnownPayloads(repeating: notKnown)
    var index = start
    var end = min(start &+ Self.stride, count)
    table.prefetch(hashes.extracting(start..<end))
    if asksClosed { prefetchClosed(hashes.extracting(start..<end)) }
    while index < count {
      let next = min(end &+ Self.stride, count)
      table.prefetch(hashes.extracting(end..<next))
      if asksClosed { prefetchClosed(hashes.extracting(end..<next)) }
      let stride = hashes.extracting(index..<end)
      table.prefetchNeighbours(stride)
      if asksClosed { findClosed(stride, payloads: &closed) }
      let first = index
      while index < end {
        let answer = judge(
          KeyIdentity(hashes[index]), payload: payloads[index], request: requests[index],
          closed: closed[index &- first], in: table)
        guard let answer else { return index }
        answers[index] = answer.rawValue
        index &+= 1
      }
      end = next
    }
    return count
  }

  /// Judges one key; nil if it is new and the active generation takes no more.
  ///
  /// - Parameter closed: its payload in the closed generations.
  @inline(__always)
  private func judge(
    _ identity: KeyIdentity, payload: UInt16, request: UInt8, closed: Int32, in table: BucketTable
  ) -> DedupAnswer? {
    if request == DedupRequest.skip.rawValue { return .skipped }
    precondition(request <= DedupRequest.renew.rawValue, "BUG: no such dedup request")
    if let known = table.find(identity) { return known == payload ? .duplicate : .conflict }
    if closed != notKnown, request != DedupRequest.renew.rawValue {
      return closed == Int32(payload) ? .duplicate : .conflict
    }
    if request == DedupRequest.probe.rawValue { return .absent }
    return table.insert(identity, payload: payload, arrival: now) ? .new : nil
  }

  /// Whether any request depends on the closed generations. A replay's do not.
  private static func askClosed(_ requests: Span<UInt8>) -> Bool {
    var asks = false
    for index in requests.indices {
      let request = requests[index]
      asks =
        asks
        || (request == DedupRequest.admit.rawValue || request == DedupRequest.probe.rawValue)
    }
    return asks
  }

  /// Asks for the memory that keys will need in the closed generations.
  private func prefetchClosed(_ hashes: Span<KeyHash>) {
    if !runs.isEmpty {
      let filter = filter
      for index in hashes.indices { filter.prefetch(hashes[index].high) }
    }
    for table in closing { table.prefetchTags(hashes) }
  }

  /// Looks a stride up in the closed generations; the newest one's payload stands.
  private func findClosed(_ hashes: Span<KeyHash>, payloads: inout KnownPayloads) {
    for index in hashes.indices { payloads[index] = notKnown }
    if !runs.isEmpty {
      let filter = filter
      for index in hashes.indices {
        let identity = KeyIdentity(hashes[index])
        if filter.mayContain(identity.filterHash), let payload = findSealed(identity) {
          payloads[index] = Int32(payload)
        }
      }
    }
    for table in closing {
      table.prefetchNeighbours(hashes)
      table.find(hashes, payloads: &payloads)
    }
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

/// The payload of each key of a stride in some generations, or ``notKnown``.
typealias KnownPayloads = InlineArray<32, Int32>

/// Stands for the payload of a key that is not there.
let notKnown: Int32 = -1
