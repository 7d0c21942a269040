internal import Metering
internal import SegmentLog

/// Makes a ledger from the files of its partition. It is the normal start.
enum LogRecovery {
  /// What was found.
  struct Report: Sendable {
    /// The last segment's number and length, nil for an empty log.
    var last: (number: UInt64, length: Int)?
    /// Number of segments, and of those that were replayed.
    var segments = 0
    var replayed = 0
    /// Bytes of the log, without what is allocated behind its last block.
    var bytes = 0
    /// What was cut off the last segment, nil if it was whole.
    var cut: String?
  }

  /// Repairs the last segment if a crash tore it, and replays what neither runs nor Postgres have.
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
    let total = try numbers.reduce(0) { sum, number in
      let file = try MappedFile(files.segment(number))
      // Only the last segment may have an allocated rest.
      return sum + (number == numbers.last ? SegmentScan.contentLength(of: file.bytes) : file.count)
    }
    let plan = try ReplayPlan(
      files, numbers, keysThrough: ledger.keysThrough, checkpoint: checkpoint?.position)
    var recovery = Recovery(
      ledger, checkpoint: checkpoint, replayingFrom: plan.first, upkeep: upkeep)
    let log = LogReadAhead(files, segments: numbers, heads: plan.heads, mark: mark)
    defer { log.stop() }
    while let piece = try log.next() {
      switch piece {
      case .torn(let tail):
        try files.cut(tail)
        report.cut = "\(tail.range.count) bytes of segment \(tail.segment): \(tail.found)"
      case .begin(let header): try recovery.begin(header)
      case .block(let block): try recovery.replay(block)
      case .end(let segment, let length, let isWhole):
        if !isWhole { recovery.passOver(byteCount: length) }
        report.last = (segment, length)
        report.segments += 1
        report.replayed += segment < plan.first ? 0 : 1
        report.bytes += length
        try progress(report.bytes, total)
      }
    }
    return try recovery.finish()
  }
}

extension PartitionFiles: LogSource {
  package func withSegment(_ number: UInt64, _ body: (RawSpan) throws -> Void) throws {
    let file = try MappedFile(segment(number))
    try body(file.bytes)
  }

  /// Cuts a torn tail off its segment; a copy is kept.
  fileprivate func cut(_ tail: TornTail) throws(SystemCallError) {
    try cutTail(
      ofSegment: tail.segment, at: tail.range.lowerBound, length: tail.range.upperBound)
    // Without a header the segment never began.
    if tail.range.lowerBound == 0 { try removeSegment(tail.segment) }
  }
}
