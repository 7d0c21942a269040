internal import Metering
internal import SegmentLog

/// Makes a ledger from the files of its partition. It is the normal start.
enum LogRecovery {
  /// What was found.
  struct Report: Sendable {
    /// The last segment's number and length, nil for an empty log.
    var last: (number: UInt64, length: Int)?
    /// Number of segments.
    var segments = 0
    /// Bytes of the log, without what is allocated behind its last block.
    var bytes = 0
    /// What was cut off the last segment, nil if it was whole.
    var cut: String?
  }

  /// Repairs the last segment if a crash tore it, and replays all.
  ///
  /// - Parameters:
  ///   - files: the partition's files.
  ///   - ledger: a new ledger.
  ///   - checkpoint: the checkpoint in Postgres; nil if Postgres could not be asked.
  ///   - upkeep: does the upkeep of the key index, and may have some when this returns.
  ///   - progress: told the bytes that are done and all bytes, after each segment; what it throws
  ///     ends the recovery.
  /// - Returns: the ledger; `report` says what was found.
  static func recover(
    _ files: PartitionFiles, _ ledger: consuming Ledger, checkpoint: Checkpoint?,
    upkeep: UpkeepQueue, report: inout Report, progress: (Int, Int) throws -> Void
  ) throws -> Ledger {
    let numbers = try files.segmentNumbers()
    let mark = try files.readMark()
    if numbers.isEmpty, let mark, mark.end != .beginning {
      throw SegmentError(
        .markPosition, segment: nil, offset: 0, expected: mark.end.position.rawValue, found: 0)
    }
    var recovery = Recovery(ledger, checkpoint: checkpoint, upkeep: upkeep)
    var previous: ChainPoint?
    let total = try numbers.reduce(0) { sum, number in
      let file = try MappedFile(files.segment(number))
      // Only the last segment may have an allocated rest.
      return sum + (number == numbers.last ? SegmentScan.contentLength(of: file.bytes) : file.count)
    }
    for number in numbers {
      var file = try MappedFile(files.segment(number))
      var length = file.count
      if number == numbers.last {
        let scan = SegmentScan(
          ofLast: file.bytes, segment: number, after: previous, mark: mark)
        switch scan.decision {
        case .intact: break
        case .damaged(let error): throw error
        case .truncate(let offset, let found):
          try files.cutTail(ofSegment: number, at: offset, length: scan.contentLength)
          report.cut = "\(scan.contentLength - offset) bytes of segment \(number): \(found)"
          if scan.end == nil {
            // Not even the header was written: the segment never began.
            try files.removeSegment(number)
            continue
          }
          file = try MappedFile(files.segment(number))
        }
        length = scan.validLength
        report.last = (number, length)
      }
      previous = try recovery.replay(file.bytes, number: number)
      report.segments += 1
      report.bytes += length
      try progress(report.bytes, total)
    }
    let ledger = try recovery.finish()
    if report.last == nil, let segment = ledger.segments.last {
      report.last = (segment.number, segment.byteCount)
    }
    return ledger
  }
}
