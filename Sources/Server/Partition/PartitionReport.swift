internal import Dedup
internal import EventLoop
internal import Metering
internal import SegmentLog
internal import Wire

/// The state of a partition at one moment.
struct PartitionReport {
  /// Its log.
  struct LogFigures {
    var segments: Int
    var bytes: Int
    var position: UInt64
    var synced: UInt64
    var syncs: UInt64
    /// Bytes that wait for the writer.
    var queuedBytes: Int
  }

  var number: UInt16
  var time: Timestamp
  /// Why usage is not taken; nil if it is.
  var blocking: String?
  /// What an operator should look at.
  var concerns: [String]
  var counters: LedgerCounters
  var sourceCount: Int
  var gaps: (count: Int, latest: [SourceGaps])
  var log: LogFigures
  var dedup: DedupStatistics
  var horizon: Timestamp?
  var flushed: UInt64
  var unflushedEntries: UInt64
  var unflushedRows: Int
  var flush: Flusher.Status
  var closedThrough: Hour?
  var flushedThrough: Hour?
}

extension Partition {
  /// How many sources with gaps are named.
  static let namedGaps = 10

  /// Flush intervals after which a flush that has not ended is a concern.
  private static let slowFlush: Int64 = 10

  /// The state of this moment.
  func report() -> PartitionReport {
    let flush = flusher.status
    return PartitionReport(
      number: number, time: ledger.time, blocking: blocking, concerns: concerns(flush),
      counters: ledger.counters, sourceCount: ledger.sourceCount,
      gaps: ledger.sourceGaps(limit: Self.namedGaps), log: log, dedup: ledger.dedupStatistics,
      horizon: ledger.horizon, flushed: ledger.checkpoint.position.rawValue,
      unflushedEntries: ledger.unflushedEntries, unflushedRows: ledger.unflushedRows,
      flush: flush, closedThrough: ledger.closedThrough,
      flushedThrough: ledger.flushedClosedThrough)
  }

  private var log: PartitionReport.LogFigures {
    PartitionReport.LogFigures(
      segments: ledger.segments.count, bytes: ledger.segments.reduce(0) { $0 + $1.byteCount },
      position: ledger.end.position.rawValue, synced: writer.synced.position.rawValue,
      syncs: writer.syncs, queuedBytes: writer.queuedBytes)
  }

  private var blocking: String? {
    if let hold = ledger.clockHold {
      return "the clock is held: expected about \(hold.expected.text), found \(hold.found.text); "
        + "see weighbridge clock confirm"
    }
    if let refusal = ledger.refusal { return "usage is refused: \(refusal.name)" }
    if !ledger.hasRoom { return "usage is refused: \(RefusalReason.keyIndexFull.name)" }
    if ledger.unflushedRows >= ledger.configuration.maximumUnflushedRows {
      return "usage is refused: \(RefusalReason.flushBacklog.name)"
    }
    return nil
  }

  private func concerns(_ flush: Flusher.Status) -> [String] {
    [
      concern(flush), RoomWarning(ledger.dedupForecast)?.text,
      upkeepTrouble.concern(at: EventLoop.monotonicMilliseconds()),
    ].compactMap(\.self)
  }

  private func concern(_ flush: Flusher.Status) -> String? {
    if let error = flush.lastError { return "Postgres is not written: \(error)" }
    guard let began = flush.began else { return nil }
    let waited = EventLoop.monotonicMilliseconds() - began
    guard waited >= Self.slowFlush * configuration.flush.interval.milliseconds else { return nil }
    return "Postgres is slow: a flush has not ended for \(waited / 1_000) s"
  }
}
