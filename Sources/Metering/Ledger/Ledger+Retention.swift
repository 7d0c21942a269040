import Dedup
import SegmentLog
import Wire

extension Ledger {
  /// The oldest segments that nothing needs any more: flushed, older than the retention, with every
  /// period that they contribute to finalized, in Postgres too, and with keys that stand in runs or
  /// are outside the dedup window.
  ///
  /// - Parameter retention: how long a segment is kept at least, in milliseconds.
  public func removableSegments(retention: Int64) -> [SegmentSummary] {
    // A finalization that a crash may still undo frees nothing.
    guard lastFinalization < checkpoint.position else { return [] }
    var removable: [SegmentSummary] = []
    for segment in segments.dropLast() {
      let isFlushed = segment.end.position <= checkpoint.position
      let isOld = segment.lastArrival.milliseconds < time.milliseconds - retention
      guard isFlushed, isOld, areKeysKept(segment), isFinalized(segment) else { break }
      removable.append(segment)
    }
    return removable
  }

  /// Forgets segments whose files are gone, the oldest ones.
  public mutating func segmentsRemoved(_ count: Int) {
    segments.removeFirst(count)
    if let first = segments.first { corrections.removeAll(before: first.start.position) }
  }

  /// Whether a start would not miss the keys of a segment. It judges by the arrival of the log's
  /// last entry what is outside the window.
  private func areKeysKept(_ segment: SegmentSummary) -> Bool {
    let oldest = syncedArrival.milliseconds - configuration.dedup.window
    return segment.end.position <= keysThrough || segment.lastArrival.milliseconds < oldest
  }

  private func isFinalized(_ segment: SegmentSummary) -> Bool {
    guard let last = segment.lastHour?.start.milliseconds else { return true }
    return segment.allTenants { names.tenants[Int($0)].openFrom > last }
  }
}
