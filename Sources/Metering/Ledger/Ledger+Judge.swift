public import Dedup
import SegmentLog
public import Wire

extension Ledger {
  /// Judges a group of usage frames that arrived together.
  ///
  /// Afterwards ``outcomes`` says what became of each, and ``quarantined`` holds rejected records.
  /// A receipt may be told once everything up to its position is synced: the end of the group,
  /// whose records and receipts all stand in one block.
  ///
  /// - Parameters:
  ///   - columns: authentic usage frames.
  ///   - wall: the wall clock.
  ///   - monotonic: the monotonic clock, in milliseconds.
  /// - Throws: `RunError` if a page of a run is damaged. The ledger is of no use then: a start
  ///   rebuilds the run from the log.
  public mutating func judge(
    _ columns: borrowing UsageColumns, wall: Timestamp, monotonic: Int64
  ) throws(RunError) {
    outcomes.removeAll(keepingCapacity: true)
    exceptions.removeAll(keepingCapacity: true)
    missing.removeAll(keepingCapacity: true)
    quarantined.removeAll(keepingCapacity: true)
    let isTimely = observe(wall: wall, monotonic: monotonic)
    // Before any sequence is reserved: a snapshot must not know a batch that stands behind it.
    if block.isEmpty { rotateIfDue() }
    let refusal = isTimely ? groupRefusal(records: columns.count) : .clockHeld
    scratch.prepare(
      records: columns.count, tenants: columns.tenants.count,
      operations: columns.operations.count, contexts: columns.contexts.count)
    var isAnyJudged = false
    for number in columns.frames.indices {
      let frame = admit(columns, frame: number, refusal: refusal)
      isAnyJudged = isAnyJudged || frame.disposition == .judged
      scratch.frames.append(frame)
    }
    if isAnyJudged {
      dedup.advance(to: time.milliseconds, front: front)
      resolveNames(columns)
      prepareRequests(columns)
      try scratch.ask(
        &dedup, count: columns.count, arrival: time.milliseconds, front: front)
      beginBlockEntry()
      book(columns)
    }
    let judged = scratch.frames.count { $0.disposition == .judged }
    let end = LogPosition(openEnd.rawValue + UInt64(judged))
    for number in columns.frames.indices { conclude(columns, frame: number, end: end) }
    if block.isFull { sealBlock() }
    sources.endGroup()
  }

  /// Moves the ledger's time, if the reading may.
  mutating func observe(wall: Timestamp, monotonic: Int64) -> Bool {
    let log: Timestamp? = time.milliseconds > 0 ? time : nil
    guard clock.observe(wall: wall, monotonic: monotonic, log: log) else { return false }
    time = max(time, wall)
    return true
  }

  /// Why no usage can be taken now, or nil.
  private func groupRefusal(records: Int) -> RefusalReason? {
    if let refusal { return refusal }
    if !dedup.hasRoom(for: records) { return .keyIndexFull }
    // A group larger than the limit would never be taken, if not when nothing waits.
    let waiting = unflushedRows
    let isTooMuch = waiting > 0 && waiting + records > configuration.maximumUnflushedRows
    return isTooMuch ? .flushBacklog : nil
  }

  /// Decides whether a frame is judged, and reserves its sequence if it is.
  private mutating func admit(
    _ columns: borrowing UsageColumns, frame number: Int, refusal: RefusalReason?
  ) -> JudgeScratch.Frame {
    let header = columns.frames[number].header
    guard
      let place = sources.place(
        name: columns.sourceName(ofFrame: number), epoch: header.epoch, arrival: time,
        silentBefore: Timestamp(milliseconds: time.milliseconds - configuration.dedup.window))
    else { return JudgeScratch.Frame(disposition: .refused(.tooManySources), source: -1) }
    if sources[place].sequences.contains(header.sequence) {
      let key = BatchKey(
        source: sources[place].serial, epoch: header.epoch, sequence: header.sequence)
      let start = exceptions.count
      if let receipt = receipts.find(key, exceptions: &exceptions) {
        return JudgeScratch.Frame(
          disposition: .resent, source: place, receipt: receipt,
          exceptions: start..<exceptions.count)
      }
      let isCopy = sources.isReserved(header.sequence, at: place)
      return JudgeScratch.Frame(disposition: isCopy ? .copy : .archived, source: place)
    }
    if let refusal, !columns.frames[number].records.isEmpty || !refusal.isForWantOfRoom {
      return JudgeScratch.Frame(disposition: .refused(refusal), source: place)
    }
    guard sources.reserve(header.sequence, at: place) else {
      return JudgeScratch.Frame(disposition: .refused(.tooManyGaps), source: place)
    }
    receipts.prefetch(
      BatchKey(
        source: sources[place].serial, epoch: header.epoch, sequence: header.sequence))
    sources[place].highestIssued = max(
      sources[place].highestIssued, header.highestSequence)
    sources[place].noteArrival(time)
    return JudgeScratch.Frame(disposition: .judged, source: place)
  }

  /// Gives the names of the group their numbers in the ledger.
  private mutating func resolveNames(_ columns: borrowing UsageColumns) {
    let tenants = columns.tenants.keys
    for entry in 1..<columns.tenants.count {
      let id = tenants[entry].flatMap { names.tenant($0, in: columns.tenants, entry) }
      scratch.tenants[entry] = JudgeScratch.Name(id: id ?? JudgeScratch.none, hash: 0)
    }
    let operations = columns.operations.keys
    for entry in 1..<columns.operations.count {
      var name = JudgeScratch.Name(id: JudgeScratch.none, hash: 0)
      if let key = operations[entry] {
        if let id = names.operation(key, in: columns.operations, entry) {
          name.id = id
          name.hash = names.operations[Int(id)].hash
        } else {
          name.hash = hasher.word(of: columns.operations.name(entry))
        }
      }
      scratch.operations[entry] = name
    }
    let contexts = columns.contexts.keys
    for entry in 0..<columns.contexts.count {
      var name = JudgeScratch.Name(id: JudgeScratch.none, hash: 0)
      if let key = contexts[entry] {
        if let id = names.context(key, in: columns.contexts, entry) {
          name.id = id
          name.hash = names.contextHashes[Int(id)]
        } else {
          // Beyond the limit the name as presented still decides the payload.
          name.id = names.overflow
          name.hash = hasher.word(of: columns.contexts.typedName(entry))
        }
      }
      scratch.contexts[entry] = name
    }
  }

  /// Hashes the keys and payloads, and decides what the index is asked about each record.
  private mutating func prepareRequests(_ columns: borrowing UsageColumns) {
    let now = time.milliseconds
    let oldest = now - configuration.acceptanceBack
    let newest = now + configuration.acceptanceAhead
    let known = knownFrom?.milliseconds ?? .min
    let faults = columns.fault
    let tenants = columns.tenant
    let operations = columns.operation
    let contexts = columns.context
    let times = columns.time
    let quantities = columns.quantity
    let kinds = columns.kind
    let forms = columns.keyForm
    let offsets = columns.keyOffset
    let lengths = columns.keyLength
    scratch.placeCount = 0
    for frame in columns.frames.indices {
      let isJudged = scratch.frames[frame].disposition == .judged
      for record in columns.frames[frame].records {
        scratch.requests[record] = DedupRequest.skip.rawValue
        guard isJudged else { continue }
        let tenant = scratch.tenants[Int(tenants[record])].id
        if faults[record] != 0 {
          scratch.codes[record] = AckCode(fault: faults[record]).rawValue
          continue
        }
        if tenant == JudgeScratch.none {
          scratch.codes[record] = AckCode(rejected: .tooManyTenants).rawValue
          continue
        }
        scratch.places[scratch.placeCount] = KeyPlace(
          offset: offsets[record], length: lengths[record], form: forms[record], scope: tenant,
          target: UInt32(truncatingIfNeeded: record))
        scratch.placeCount &+= 1
        let operation = scratch.operations[Int(operations[record])]
        scratch.payloads[record] = RecordDigest.payload(
          kind: kinds[record], operation: operation.hash,
          context: scratch.contexts[Int(contexts[record])].hash, quantity: quantities[record])
        let time = times[record]
        var code: UInt8 = 0
        if time < oldest {
          code = AckCode(rejected: .timeTooOld).rawValue
        } else if time > newest {
          code = AckCode(rejected: .timeAhead).rawValue
        } else if time < known {
          code = AckCode(rejected: .timeBeforeHorizon).rawValue
        } else if operation.id == JudgeScratch.none {
          code = AckCode(rejected: .tooManyOperations).rawValue
        }
        scratch.codes[record] = code
        scratch.requests[record] =
          code == 0 ? DedupRequest.admit.rawValue : DedupRequest.probe.rawValue
      }
    }
    var hashes = scratch.hashes.mutablePrefix(columns.count)
    hasher.hash(
      keys: columns.keyBytes, at: scratch.places.prefix(scratch.placeCount),
      in: names.scopes.span, into: &hashes)
  }
}

extension JudgeScratch {
  /// Asks the index about every record of the group.
  func ask(
    _ index: inout DedupIndex, count: Int, arrival: Int64, front: LogFront
  ) throws(RunError) {
    var answers = answers.mutablePrefix(count)
    try index.judge(
      hashes: hashes.prefix(count), payloads: payloads.prefix(count),
      requests: requests.prefix(count), arrival: arrival, front: front, answers: &answers)
  }
}

extension RefusalReason {
  /// Whether records find no room; a receipt alone, of a batch without records in this partition,
  /// finds it.
  fileprivate var isForWantOfRoom: Bool { self == .keyIndexFull || self == .flushBacklog }
}
