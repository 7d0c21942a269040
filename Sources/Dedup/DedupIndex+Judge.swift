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
  /// far below a millisecond, unless pages of runs have to come from the disk: those of the whole
  /// batch are asked for before the first one is read.
  ///
  /// - Parameters:
  ///   - hashes: the hash of each key.
  ///   - payloads: 16 bits of a digest of each record's payload: equal means duplicate, else
  ///     conflict.
  ///   - requests: a ``DedupRequest`` for each key.
  ///   - arrival: when the batch arrived, in milliseconds. An arrival before the latest one counts
  ///     as the latest.
  ///   - front: how far the log is.
  ///   - answers: receives a ``DedupAnswer`` for each key.
  /// - Throws: ``RunError`` if a page of a run is damaged; the index is of no use then.
  public mutating func judge(
    hashes: Span<KeyHash>, payloads: Span<UInt16>, requests: Span<UInt8>, arrival: Int64,
    front: LogFront, answers: inout MutableSpan<UInt8>
  ) throws(RunError) {
    let count = hashes.count
    precondition(
      payloads.count == count && requests.count == count && answers.count >= count,
      "BUG: the columns of a dedup batch differ in length")
    advance(to: arrival, front: front)
    let asksClosed = Self.askClosed(requests)
    let sealed = asksClosed && !runs.isEmpty ? try findSealed(hashes) : []
    var judged = 0
    while true {
      judged = judge(
        from: judged, hashes: hashes, payloads: payloads, requests: requests, sealed: sealed,
        asksClosed: asksClosed, answers: &answers)
      if judged == count { return }
      closeActive()
    }
  }

  /// Judges until the end of the batch or until the active generation takes no more.
  ///
  /// - Returns: the first key that is not judged.
  private mutating func judge(
    from start: Int, hashes: Span<KeyHash>, payloads: Span<UInt16>, requests: Span<UInt8>,
    sealed: [SealedMatch], asksClosed: Bool, answers: inout MutableSpan<UInt8>
  ) -> Int {
    let count = hashes.count
    let table = active
    let before = table.count
    defer { freshCount &+= UInt64(truncatingIfNeeded: table.count &- before) }
    let asksTables = asksClosed && !closing.isEmpty
    let asksAny = asksTables || !sealed.isEmpty
    var closed = KnownPayloads(repeating: notKnown)
    var matches = sealed.drop { $0.place < start }
    var index = start
    var end = min(start &+ Self.stride, count)
    table.prefetch(hashes.extracting(start..<end))
    if asksTables { prefetchClosing(hashes.extracting(start..<end)) }
    while index < count {
      let next = min(end &+ Self.stride, count)
      table.prefetch(hashes.extracting(end..<next))
      if asksTables { prefetchClosing(hashes.extracting(end..<next)) }
      let stride = hashes.extracting(index..<end)
      table.prefetchNeighbours(stride)
      let first = index
      if asksAny {
        closed = KnownPayloads(repeating: notKnown)
        while let match = matches.first, match.place < end {
          closed[match.place &- first] = Int32(match.payload)
          matches.removeFirst()
        }
        if asksTables { findClosing(stride, payloads: &closed) }
      }
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

  /// Judges one key; nil if the active generation must close first: it takes no more, or it has a
  /// key that is renewed, which would leave with the first arrival.
  ///
  /// - Parameter closed: its payload in the closed generations.
  @inline(__always)
  private func judge(
    _ identity: KeyIdentity, payload: UInt16, request: UInt8, closed: Int32, in table: BucketTable
  ) -> DedupAnswer? {
    if request == DedupRequest.skip.rawValue { return .skipped }
    precondition(request <= DedupRequest.renew.rawValue, "BUG: no such dedup request")
    if let known = table.find(identity) {
      if request == DedupRequest.renew.rawValue { return nil }
      return known == payload ? .duplicate : .conflict
    }
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

  /// Asks for the memory that keys will need in the closed tables.
  private func prefetchClosing(_ hashes: Span<KeyHash>) {
    for generation in closing { generation.table.prefetchTags(hashes) }
  }

  /// Looks a stride up in the closed tables; the newest generation's payload stands.
  private func findClosing(_ hashes: Span<KeyHash>, payloads: inout KnownPayloads) {
    for generation in closing {
      generation.table.prefetchNeighbours(hashes)
      generation.table.find(hashes, payloads: &payloads)
    }
  }
}

/// The payload of each key of a stride in some generations, or ``notKnown``.
typealias KnownPayloads = InlineArray<32, Int32>

/// Stands for the payload of a key that is not there.
let notKnown: Int32 = -1
