import Dedup
import SegmentLog
import Wire

extension Ledger {
  /// Gives a frame its outcome; if it is judged, its records their verdicts, places in the log and
  /// in the rollups, and the batch its receipt.
  mutating func conclude(_ columns: borrowing UsageColumns, frame number: Int) {
    let frame = scratch.frames[number]
    let known = frame.source < 0 ? 0 : sources[frame.source].sequences.highest
    switch frame.disposition {
    case .judged:
      let receipt = judgeBatch(columns, frame: number, source: frame.source)
      outcomes.append(
        BatchOutcome(
          frame: number, disposition: .judged, receipt: receipt, highestKnown: known))
    case .resent, .archived, .copy:
      counters.resent += 1
      let receipt =
        frame.receipt ?? Receipt(counts: VerdictCounts(), position: openEnd, arrival: time)
      outcomes.append(
        BatchOutcome(
          frame: number, disposition: frame.disposition, receipt: receipt, highestKnown: known))
    case .refused(let reason):
      counters.refusals[reason, default: 0] += 1
      outcomes.append(
        BatchOutcome(
          frame: number, disposition: frame.disposition,
          receipt: Receipt(counts: VerdictCounts(), position: openEnd, arrival: time),
          highestKnown: known))
    }
  }

  /// Decides every record of a batch and writes its receipt.
  private mutating func judgeBatch(
    _ columns: borrowing UsageColumns, frame number: Int, source: Int
  ) -> Receipt {
    let frame = columns.frames[number]
    var counts = VerdictCounts()
    var rejectedBytes = 0
    exceptions.removeAll()
    let exceptionsBefore = block.receipts.exceptionIndices.count
    for record in frame.records {
      let code = decide(columns, record: record)
      guard code != AckCode.accepted.rawValue else { continue }
      let index = record - frame.records.lowerBound
      exceptions.append(index, AckCode(rawValue: code))
      block.receipts.noteException(
        index: index, code: code, hour: exceptionHour(columns.time[record]))
      switch AckCode(rawValue: code).verdict {
      case .duplicate: counts.duplicate += 1
      case .conflict: counts.conflict += 1
      case .late: counts.late += 1
      default:
        counts.rejected += 1
        rejectedBytes += 16 + Int(columns.keyLength[record])
        quarantine(columns, frame: number, record: record, code: code)
      }
    }
    exceptions.finish()
    let other = counts.total
    counts.accepted = UInt32(truncatingIfNeeded: UInt64(frame.records.count) - other)
    count(counts)
    block.receipts.append(
      source: block.names.source(
        sources[source].serial, name: columns.sourceName(ofFrame: number)), header: frame.header,
      arrival: time,
      exceptionCount: block.receipts.exceptionIndices.count - exceptionsBefore,
      rejectedBytes: rejectedBytes)
    pending.entries += 1
    let receipt = Receipt(
      counts: counts, position: openEnd, arrival: time, exceptions: exceptions.bytes)
    let key = BatchKey(
      source: sources[source].serial, epoch: frame.header.epoch, sequence: frame.header.sequence)
    _ = receipts.insert(receipt, for: key)
    return receipt
  }

  private func exceptionHour(_ time: Int64) -> Int32 {
    let isValid = time >= 0 && time <= Timestamp.latest.milliseconds
    return Hour(containing: isValid ? Timestamp(milliseconds: time) : self.time).index
  }

  private mutating func count(_ counts: VerdictCounts) {
    counters.batches += 1
    for verdict in Verdict.allCases {
      counters.verdicts[Int(verdict.rawValue)] += UInt64(counts[verdict])
    }
  }

  /// Decides one record, and logs and folds it if it is new.
  ///
  /// - Returns: the raw value of its `AckCode`.
  @inline(__always)
  private mutating func decide(_ columns: borrowing UsageColumns, record: Int) -> UInt8 {
    switch scratch.answers[record] {
    case DedupAnswer.new.rawValue: book(columns, record: record)
    case DedupAnswer.duplicate.rawValue: AckCode.duplicate.rawValue
    case DedupAnswer.conflict.rawValue: AckCode.conflict.rawValue
    default: scratch.codes[record]
    }
  }

  /// Logs and folds a new record.
  @inline(__always)
  private mutating func book(_ columns: borrowing UsageColumns, record: Int) -> UInt8 {
    let operation = scratch.operations[Int(columns.operation[record])]
    let time = columns.time[record]
    let kind = columns.kind[record]
    var key = scratch.keys[scratch.nextKey]
    var flags = kind
    var slot = scratch.slots[scratch.nextKey]
    scratch.nextKey += 1
    if slot == RollupTable.noSlot { slot = beginRow(&key) }
    let weight =
      kind == UsageKind.compute.rawValue
      ? UInt32(truncatingIfNeeded: names.weight(ofOperation: key.operation, at: time)) : 1
    let isLate = key.booking != RollupKey.notLate
    if isLate { flags |= UsageFlags.late }
    if key.context == names.overflow {
      // The context as presented decided the payload; the log keeps what recovery cannot derive.
      flags |= UsageFlags.overflow
      counters.overflowed += 1
    }
    fold(
      FoldedRecord(
        hash: scratch.hashes[record], kind: kind, operationHash: operation.hash,
        contextHash: names.contextNames.hash(of: key.context), time: time,
        quantity: columns.quantity[record], weight: weight, booking: key.booking), into: slot)
    append(columns, record: record, flags: flags, weight: weight, key: key)
    return isLate ? AckCode.late.rawValue : AckCode.accepted.rawValue
  }

  /// The row of a key that had none before the group. The key gets the overflow context if its
  /// tenant may have no more.
  @inline(never)
  private mutating func beginRow(_ key: inout RollupKey) -> UInt32 {
    if let known = pending.rollups.find(key) { return known }
    names.noteUsage(key)
    if !names.admitContext(of: key) { key = key.with(context: names.overflow) }
    return pending.rollups.findOrInsert(key).slot
  }

  /// Adds a record to its row.
  @inline(__always)
  mutating func fold(_ record: FoldedRecord, into slot: UInt32) {
    pending.rollups.add(
      slot, quantity: record.quantity, weighted: record.weighted,
      byteMilliseconds: record.byteMilliseconds, digest: record.digest(hasher))
    pending.records += 1
  }

  private mutating func quarantine(
    _ columns: borrowing UsageColumns, frame number: Int, record: Int, code: UInt8
  ) {
    guard let reason = AckCode(rawValue: code).reason else {
      preconditionFailure("BUG: record rejected with code \(code)")
    }
    counters.rejections[reason, default: 0] += 1
    guard quarantined.count < Self.quarantinedPerGroup else {
      counters.notQuarantined += 1
      return
    }
    quarantined.append(
      QuarantinedRecord(columns, frame: number, record: record, reason: reason, arrival: time))
  }
}

/// What the rollups and their digest need to know of a record, from the wire or from the log.
struct FoldedRecord {
  var hash: KeyHash
  var kind: UInt8
  var operationHash: UInt64
  var contextHash: UInt64
  var time: Int64
  var quantity: Int64
  var weight: UInt32
  /// The month of the booking period, `RollupKey.notLate` if the record is not late.
  var booking: Int32

  var weighted: Int128 { Int128(quantity) * Int128(weight) }

  var byteMilliseconds: Int128 {
    guard kind == UsageKind.storage.rawValue else { return 0 }
    let time = Timestamp(milliseconds: time)
    guard booking != RollupKey.notLate else {
      return StorageArithmetic.byteMilliseconds(quantity: quantity, time: time)
    }
    return StorageArithmetic.lateByteMilliseconds(
      quantity: quantity, time: time, bookingStart: BillingPeriod(month: booking).start)
  }

  @inline(__always)
  func digest(_ hasher: KeyHasher) -> UInt64 {
    RecordDigest.word(
      hasher, key: hash, kind: kind, operation: operationHash, context: contextHash, time: time,
      quantity: quantity, weight: weight)
  }
}
