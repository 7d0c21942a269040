import Dedup
import SegmentLog
import Wire

extension Ledger {
  /// The oldest segments that nothing needs any more: flushed, outside the dedup window, older than
  /// the retention, and with every period that they contribute to finalized, in Postgres too.
  ///
  /// - Parameter retention: how long a segment is kept at least, in milliseconds.
  public func removableSegments(retention: Int64) -> [SegmentSummary] {
    // A finalization that a crash may still undo frees nothing.
    guard lastFinalization < checkpoint.position else { return [] }
    let age = max(retention, configuration.dedup.window)
    var removable: [SegmentSummary] = []
    for segment in segments.dropLast() {
      let isFlushed = segment.end.position <= checkpoint.position
      let isOld = segment.lastArrival.milliseconds < time.milliseconds - age
      guard isFlushed, isOld, isFinalized(segment) else { break }
      removable.append(segment)
    }
    return removable
  }

  /// Forgets segments whose files are gone, the oldest ones.
  public mutating func segmentsRemoved(_ count: Int) { segments.removeFirst(count) }

  private func isFinalized(_ segment: SegmentSummary) -> Bool {
    guard let last = segment.lastPeriod else { return true }
    return segment.allTenants { names.tenants[Int($0)].finalizedMonth >= last.month }
  }
}
