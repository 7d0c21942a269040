import Dedup
import SegmentLog
public import Wire

extension Ledger {
  /// Judges a group of usage frames that arrived together.
  ///
  /// Afterwards ``outcomes`` says what became of each, and ``quarantined`` holds rejected records.
  /// A receipt may be told once everything up to its position is synced.
  ///
  /// - Parameters:
  ///   - columns: authentic usage frames.
  ///   - wall: the wall clock.
  ///   - monotonic: the monotonic clock, in milliseconds.
  public mutating func judge(
    _ columns: borrowing UsageColumns, wall: Timestamp, monotonic: Int64
  ) {
    outcomes.removeAll(keepingCapacity: true)
    quarantined.removeAll(keepingCapacity: true)
    scratch.frames.removeAll(keepingCapacity: true)
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
      dedup.advance(to: time.milliseconds)
      resolveNames(columns)
      prepareRequests(columns)
      askIndex(count: columns.count)
      prepareKeys(columns)
      beginBlockEntry()
    }
    for number in columns.frames.indices {
      conclude(columns, frame: number)
      if block.isFull { sealBetweenFrames() }
    }
    sources.endGroup()
  }

  /// Seals a full block in the middle of a group: the names get numbers in the next one.
  private mutating func sealBetweenFrames() {
    sealBlock()
    scratch.forgetBlock()
    beginBlockEntry()
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
    return unflushedRows + records > configuration.maximumUnflushedRows ? .flushBacklog : nil
  }

  /// Decides whether a frame is judged, and reserves its sequence if it is.
  private mutating func admit(
    _ columns: borrowing UsageColumns, frame number: Int, refusal: RefusalReason?
  ) -> JudgeScratch.Frame {
    let header = columns.frames[number].header
    guard
      let place = sources.place(
        name: columns.sourceName(ofFrame: number), epoch: header.epoch, arrival: time,
        silentBefore: Timestamp(milliseconds: time.milliseconds - configuration.dedupWindow))
    else { return JudgeScratch.Frame(disposition: .refused(.tooManySources), source: -1) }
    if sources[place].sequences.contains(header.sequence) {
      let key = BatchKey(
        source: sources[place].serial, epoch: header.epoch, sequence: header.sequence)
      if let receipt = receipts.find(key) {
        return JudgeScratch.Frame(disposition: .resent, source: place, receipt: receipt)
      }
      let isCopy = sources.isReserved(header.sequence, at: place)
      return JudgeScratch.Frame(disposition: isCopy ? .copy : .archived, source: place)
    }
    if let refusal { return JudgeScratch.Frame(disposition: .refused(refusal), source: place) }
    guard sources.reserve(header.sequence, at: place) else {
      return JudgeScratch.Frame(disposition: .refused(.tooManyGaps), source: place)
    }
    sources[place].highestIssued = max(
      sources[place].highestIssued, header.highestSequence)
    sources[place].lastArrival = time
    return JudgeScratch.Frame(disposition: .judged, source: place)
  }

  private mutating func resolveNames(_ columns: borrowing UsageColumns) {
    for entry in 1..<columns.tenants.count where columns.tenants.fault(entry) == nil {
      scratch.tenants[entry].id = names.tenant(columns.tenants.name(entry)) ?? JudgeScratch.none
    }
    for entry in 1..<columns.operations.count where columns.operations.fault(entry) == nil {
      let name = columns.operations.name(entry)
      scratch.operations[entry].hash = hasher.word(of: name)
      scratch.operations[entry].id = names.operation(name) ?? JudgeScratch.none
    }
    var typedName: [UInt8] = []
    swap(&typedName, &scratch.typedName)
    for entry in 0..<columns.contexts.count where columns.contexts.fault(entry) == nil {
      typedName.removeAll(keepingCapacity: true)
      typedName.append(columns.contexts.type(entry).rawValue)
      typedName.append(columns.contexts.name(entry))
      scratch.contexts[entry].hash = hasher.word(of: typedName.span.raw)
      scratch.contexts[entry].id = names.context(typedName.span.raw)
    }
    swap(&typedName, &scratch.typedName)
  }

  /// Hashes the keys and payloads, and decides what the index is asked about each record.
  private mutating func prepareRequests(_ columns: borrowing UsageColumns) {
    let now = time.milliseconds
    let oldest = now - configuration.acceptanceBack
    let newest = now + configuration.acceptanceAhead
    let known = horizon.map { $0.milliseconds + largestAhead } ?? .min
    let faults = columns.fault
    let tenants = columns.tenant
    let operations = columns.operation
    let contexts = columns.context
    let times = columns.time
    let quantities = columns.quantity
    let kinds = columns.kind
    let forms = columns.keyForm
    let offsets = columns.keyOffset
    let keyBytes = columns.keyBytes
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
        let scope = names.tenants[Int(tenant)].scope
        if forms[record] == 0 {
          let offset = Int(offsets[record])
          scratch.hashes[record] = hasher.hash16(
            keyBytes.word(at: offset), keyBytes.word(at: offset + 8), form: 0, in: scope)
        } else {
          scratch.hashes[record] = hasher.hash(key: columns.key(record), form: 1, in: scope)
        }
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
  }

  private mutating func askIndex(count: Int) {
    // Spans of two fields of one value cannot be held at a time.
    var answers: [UInt8] = []
    swap(&answers, &scratch.answers)
    defer { swap(&answers, &scratch.answers) }
    var room = answers.mutableSpan
    let hashes = scratch.hashes
    let payloads = scratch.payloads
    let requests = scratch.requests
    dedup.judge(
      hashes: hashes.span.extracting(first: count),
      payloads: payloads.span.extracting(first: count),
      requests: requests.span.extracting(first: count), arrival: time.milliseconds, answers: &room)
  }

  /// Makes the rollup key of each new record, in order, and finds the rows of all of them.
  private mutating func prepareKeys(_ columns: borrowing UsageColumns) {
    let tenants = columns.tenant
    let operations = columns.operation
    let contexts = columns.context
    let times = columns.time
    let kinds = columns.kind
    var count = 0
    for record in 0..<columns.count where scratch.answers[record] == DedupAnswer.new.rawValue {
      let tenant = scratch.tenants[Int(tenants[record])].id
      let time = times[record]
      let openFrom = names.tenants[Int(tenant)].openFrom
      scratch.keys[count] = RollupKey(
        tenant: tenant, operation: scratch.operations[Int(operations[record])].id,
        context: scratch.contexts[Int(contexts[record])].id,
        hour: Hour(containing: Timestamp(milliseconds: time)).index,
        kind: kinds[record],
        booking: time < openFrom
          ? names.tenants[Int(tenant)].finalizedMonth + 1 : RollupKey.notLate)
      count += 1
    }
    scratch.nextKey = 0
    var slots: [UInt32] = []
    swap(&slots, &scratch.slots)
    defer { swap(&slots, &scratch.slots) }
    var room = slots.mutableSpan
    let keys = scratch.keys
    pending.rollups.find(keys.span.extracting(first: count), into: &room)
  }
}
