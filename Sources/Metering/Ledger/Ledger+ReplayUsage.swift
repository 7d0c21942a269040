import Dedup
import SegmentLog
import Wire

/// What replay needs beside the ledger, kept from block to block.
struct ReplayScratch: ~Copyable {
  var names = ResolvedNames()
  var records = LoggedRecords()
  var begun = BegunUsage()
  var upkeep: (any UpkeepPerformer)?
  var requests: [UInt8] = []
  var answers: [UInt8] = []
}

extension Ledger {
  /// Takes over a block of usage: keys, sums and receipts.
  ///
  /// - Parameters:
  ///   - isFolded: false if all of it is known to be in Postgres, so that its sums are not needed;
  ///     they would take the memory of every row that the log has usage for.
  ///   - isRemembered: false if the keys of all of it stand in runs.
  mutating func replayUsage(
    _ block: borrowing UsageBlock, from start: ChainPoint, end: LogPosition, isFolded: Bool,
    isRemembered: Bool, _ scratch: inout ReplayScratch
  ) throws {
    try resolveNames(block, &scratch)
    var front = LogFront(sealed: LogPlace(start), open: start.position.rawValue)
    dedup.advance(to: time.milliseconds, front: front)
    scratch.records.begin()
    while scratch.records.next(block.records, scratch.names, names, hasher) {
      if isFolded { foldReplayed(block.records, &scratch) } else { noteReplayed(&scratch) }
      if isRemembered { try rememberKeys(&scratch, front) }
      front.open += UInt64(scratch.records.count)
      let synced = SyncedEnd(position: end.rawValue, arrival: time.milliseconds)
      dedup.settle(synced: synced, with: scratch.upkeep)
    }
    try replayReceipts(block, end: end)
  }

  /// Gives the names of a block their numbers.
  mutating func resolveNames(
    _ block: borrowing UsageBlock, _ scratch: inout ReplayScratch
  ) throws(RecoveryError) {
    try scratch.names.resolve(block.names, in: &names, configuration: configuration)
  }

  private mutating func foldReplayed(
    _ records: borrowing UsageBlockRecords, _ scratch: inout ReplayScratch
  ) {
    let count = scratch.records.count
    scratch.records.findRows(in: pending.rollups)
    for place in 0..<count where scratch.records.slots[place] == RollupTable.noSlot {
      let key = scratch.records.keys[place]
      noteReplayed(key)
      scratch.records.slots[place] = pending.rollups.findOrInsert(key).slot
    }
    scratch.records.fold(records, names, hasher, into: &pending.rollups)
    pending.records += Int64(count)
    pending.entries += UInt64(count)
  }

  /// Notes what the ledger keeps of usage beside its sums.
  private mutating func noteReplayed(_ scratch: inout ReplayScratch) {
    for place in 0..<scratch.records.count {
      let key = scratch.records.keys[place]
      if scratch.begun.insert(key) { noteReplayed(key) }
    }
  }

  @inline(never)
  private mutating func noteReplayed(_ key: RollupKey) {
    names.noteUsage(key)
    _ = names.admitContext(of: key)
  }

  /// Tells the dedup index the keys of replayed records.
  private mutating func rememberKeys(
    _ scratch: inout ReplayScratch, _ front: LogFront
  ) throws(RunError) {
    let count = scratch.records.count
    if scratch.requests.count < count {
      let more = count - scratch.requests.count
      scratch.requests.append(
        contentsOf: repeatElement(DedupRequest.renew.rawValue, count: more))
      scratch.answers.append(contentsOf: repeatElement(0, count: more))
    }
    var answers: [UInt8] = []
    swap(&answers, &scratch.answers)
    defer { swap(&answers, &scratch.answers) }
    var room = answers.mutableSpan
    try dedup.judge(
      hashes: scratch.records.hashes.prefix(count),
      payloads: scratch.records.payloads.prefix(count),
      requests: scratch.requests.span.extracting(first: count), arrival: time.milliseconds,
      front: front, answers: &room)
  }

  /// How many receipts before it the place of a receipt is asked for.
  private static let receiptsAhead = 16

  /// Takes over the receipts of a block.
  ///
  /// A repeated ack waits for the end of the block, which is on stable storage.
  private mutating func replayReceipts(
    _ block: borrowing UsageBlock, end: LogPosition
  ) throws(RecoveryError) {
    var exception = 0
    for number in 0..<block.receipts.count {
      let arrival = Timestamp(milliseconds: block.receipts.arrivals[number])
      let epoch = block.receipts.epochs[number]
      let sequence = block.receipts.sequences[number]
      let place = try sourcePlace(
        block.names.sources.name(Int(block.receipts.sources[number])), epoch: epoch,
        arrival: arrival)
      let next = exception + Int(block.receipts.exceptionCounts[number])
      var counts = VerdictCounts()
      batchExceptions.removeAll()
      for index in exception..<next {
        let code = AckCode(rawValue: block.receipts.exceptionCodes[index])
        batchExceptions.append(Int(block.receipts.exceptionIndices[index]), code)
        counts[code.verdict ?? .rejected] += 1
      }
      batchExceptions.finish()
      exception = next
      let received = block.receipts.received[number]
      counts.accepted = received - UInt32(truncatingIfNeeded: counts.total)
      let insertion = sources[place].sequences.insert(sequence)
      guard insertion != .tooManyGaps else {
        throw .limitBelowLog(setting: "limits.gapsPerSource", limit: configuration.gapsPerSource)
      }
      sources[place].highestIssued = max(
        sources[place].highestIssued, block.receipts.highestIssued[number])
      sources[place].noteArrival(arrival)
      let key = BatchKey(source: sources[place].serial, epoch: epoch, sequence: sequence)
      let ahead = number + Self.receiptsAhead
      if ahead < block.receipts.count {
        // As a rule of the same source; else nothing but the request is in vain.
        receipts.prefetch(
          BatchKey(source: key.source, epoch: epoch, sequence: block.receipts.sequences[ahead]))
      }
      guard insertion == .inserted else { continue }
      let encoded = batchExceptions.bytes
      receipts.insert(
        Receipt(counts: counts, position: end, arrival: arrival), exceptions: encoded.span,
        for: key)
    }
    pending.entries += UInt64(block.receipts.count)
  }
}
