import Dedup
import SegmentLog
import Wire

/// What replay needs beside the ledger, kept from block to block.
struct ReplayScratch: ~Copyable {
  var block = UsageBlock()
  var names = ResolvedNames()
  var records: [UsageBlockCursor.Record] = []
  var keys: [RollupKey] = []
  var slots: [UInt32] = []
  var hashes: [KeyHash] = []
  var payloads: [UInt16] = []
  var requests: [UInt8] = []
  var answers: [UInt8] = []
}

extension Ledger {
  /// Records that replay hands to the dedup index at once.
  private static let replayGroup = 4_096

  /// Takes over a decoded usage block: keys, sums and receipts.
  mutating func replayUsage(
    _ scratch: inout ReplayScratch, position: LogPosition
  ) throws(RecoveryError) {
    try scratch.names.resolve(scratch.block.names, in: &names, configuration: configuration)
    dedup.advance(to: time.milliseconds)
    var cursor = UsageBlockCursor()
    var done = 0
    while done < scratch.block.records.count {
      let count = min(Self.replayGroup, scratch.block.records.count - done)
      scratch.records.removeAll(keepingCapacity: true)
      for _ in 0..<count {
        let record = cursor.next(scratch.block.records, scratch.names, names, hasher)
        scratch.records.append(record)
      }
      foldReplayed(&scratch)
      rememberKeys(&scratch)
      done += count
      dedup.settle()
    }
    try replayReceipts(scratch.block, position: position)
    segments[segments.count - 1].add(scratch.block.records)
    segments[segments.count - 1].add(tenants: scratch.names.tenants)
  }

  private mutating func foldReplayed(_ scratch: inout ReplayScratch) {
    scratch.keys.removeAll(keepingCapacity: true)
    for record in scratch.records { scratch.keys.append(record.key) }
    let missing = scratch.keys.count - scratch.slots.count
    if missing > 0 { scratch.slots.append(contentsOf: repeatElement(0, count: missing)) }
    var slots: [UInt32] = []
    swap(&slots, &scratch.slots)
    defer { swap(&slots, &scratch.slots) }
    var room = slots.mutableSpan
    pending.rollups.find(scratch.keys.span, into: &room)
    for (place, record) in scratch.records.enumerated() {
      var slot = slots[place]
      if slot == RollupTable.noSlot {
        names.noteUsage(record.key)
        _ = names.admitContext(of: record.key)
        slot = pending.rollups.findOrInsert(record.key).slot
      }
      fold(record.amount, digest: hasher.word(of: record.message), into: slot)
    }
    pending.entries += UInt64(scratch.records.count)
  }

  /// Tells the dedup index the keys of replayed records.
  private mutating func rememberKeys(_ scratch: inout ReplayScratch) {
    let count = scratch.records.count
    scratch.hashes.removeAll(keepingCapacity: true)
    scratch.payloads.removeAll(keepingCapacity: true)
    for record in scratch.records {
      scratch.hashes.append(record.hash)
      scratch.payloads.append(record.payload)
    }
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
    dedup.judge(
      hashes: scratch.hashes.span, payloads: scratch.payloads.span,
      requests: scratch.requests.span.extracting(first: count), arrival: time.milliseconds,
      answers: &room)
  }

  /// Takes over the receipts of a block.
  ///
  /// A repeated ack waits for the end of the block, which is on stable storage.
  private mutating func replayReceipts(
    _ block: borrowing UsageBlock, position: LogPosition
  ) throws(RecoveryError) {
    let end = LogPosition(position.rawValue + UInt64(block.entryCount))
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
      sources[place].lastArrival = max(sources[place].lastArrival, arrival)
      let key = BatchKey(source: sources[place].serial, epoch: epoch, sequence: sequence)
      guard insertion == .inserted else { continue }
      let encoded = batchExceptions.bytes
      receipts.insert(
        Receipt(counts: counts, position: end, arrival: arrival), exceptions: encoded.span,
        for: key)
    }
    pending.entries += UInt64(block.receipts.count)
  }
}
