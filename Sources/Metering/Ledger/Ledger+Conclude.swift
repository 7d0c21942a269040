import Dedup
import SegmentLog
import Wire

extension Ledger {
  /// Gives a frame its outcome and, if it is judged, its receipt.
  mutating func conclude(
    _ columns: borrowing UsageColumns, frame number: Int, end: LogPosition
  ) {
    let frame = scratch.frames[number]
    let known = frame.source < 0 ? 0 : sources[frame.source].highestKnown
    switch frame.disposition {
    case .judged:
      let start = exceptions.count
      let receipt = judgeBatch(columns, frame: number, source: frame.source, end: end)
      outcomes.append(
        BatchOutcome(
          frame: number, disposition: .judged, receipt: receipt,
          exceptions: start..<exceptions.count, missing: gaps(of: frame.source, upTo: known),
          highestKnown: known))
    case .resent, .archived, .copy:
      counters.resent += 1
      let receipt =
        frame.receipt ?? Receipt(counts: VerdictCounts(), position: end, arrival: time)
      outcomes.append(
        BatchOutcome(
          frame: number, disposition: frame.disposition, receipt: receipt,
          exceptions: frame.exceptions, missing: gaps(of: frame.source, upTo: known),
          highestKnown: known))
    case .refused(let reason):
      counters.refusals[reason, default: 0] += 1
      outcomes.append(
        BatchOutcome(
          frame: number, disposition: frame.disposition,
          receipt: Receipt(counts: VerdictCounts(), position: end, arrival: time),
          exceptions: 0..<0, missing: 0..<0, highestKnown: known))
    }
  }

  /// Puts the lowest gaps of a source into ``missing``; as a rule there are none.
  private mutating func gaps(of source: Int, upTo known: UInt64) -> Range<Int> {
    let start = missing.count
    if !sources[source].sequences.isComplete(upTo: known) {
      sources[source].sequences.appendGaps(
        upTo: known, limit: WireLimits.maximumMissingRanges, to: &missing)
    }
    return start..<missing.count
  }

  /// Gives a judged batch its receipt.
  private mutating func judgeBatch(
    _ columns: borrowing UsageColumns, frame number: Int, source: Int, end: LogPosition
  ) -> Receipt {
    let frame = columns.frames[number]
    var counts = VerdictCounts()
    var rejectedBytes = 0
    batchExceptions.removeAll()
    let exceptionsBefore = block.receipts.exceptionIndices.count
    for record in frame.records where scratch.codes[record] != AckCode.accepted.rawValue {
      let code = scratch.codes[record]
      let index = columns.numberInBatch(record, ofFrame: number)
      batchExceptions.append(index, AckCode(rawValue: code))
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
    batchExceptions.finish()
    exceptions += batchExceptions.bytes
    let other = counts.total
    counts.accepted = UInt32(truncatingIfNeeded: UInt64(frame.records.count) - other)
    counters.count(counts)
    block.receipts.append(
      source: block.names.source(
        sources[source].serial, name: columns.sourceName(ofFrame: number)), header: frame.header,
      arrival: time,
      exceptionCount: block.receipts.exceptionIndices.count - exceptionsBefore,
      rejectedBytes: rejectedBytes)
    pending.entries += 1
    let receipt = Receipt(counts: counts, position: end, arrival: time)
    let key = BatchKey(
      source: sources[source].serial, epoch: frame.header.epoch, sequence: frame.header.sequence)
    let encoded = batchExceptions.bytes
    receipts.insert(receipt, exceptions: encoded.span, for: key)
    return receipt
  }

  private func exceptionHour(_ time: Int64) -> Int32 {
    let isValid = time >= 0 && time <= Timestamp.latest.milliseconds
    return Hour(containing: isValid ? Timestamp(milliseconds: time) : self.time).index
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
