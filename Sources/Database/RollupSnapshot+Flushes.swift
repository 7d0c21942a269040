internal import Metering
internal import Postgres
public import SegmentLog
public import Wire

/// A moment between flushes.
public enum FlushMoment: Sendable, Hashable {
  /// Right after the flush of this id.
  case flush(Int64)
  /// Right after the last flush that was written at this time or before, by the server's clock.
  case time(Timestamp)
}

/// The last flush of a partition up to a moment.
public struct StoredFlush: Sendable, Hashable {
  /// Its id.
  public var id: Int64
  /// The partition.
  public var partition: UInt16
  /// Where in the partition's log it ended.
  public var end: LogPosition
  /// When it was written, by the server's clock.
  public var time: Timestamp
}

extension RollupSnapshot {
  /// The last flush of each partition up to a moment, by partition; without an entry for one that
  /// had none. Empty if there is no such flush at all.
  ///
  /// Ids ascend in the order in which flushes are committed.
  public func flushes(upTo moment: FlushMoment) throws -> [StoredFlush] {
    let bound: (sql: String, parameter: String)
    switch moment {
    case .flush(let id):
      bound = ("SELECT flush_id FROM weighbridge.flushes WHERE flush_id = $1", String(id))
    case .time(let time):
      bound = (
        """
        SELECT max(flush_id) FROM weighbridge.flushes
        WHERE date_trunc('milliseconds', flushed_at) <= to_timestamp($1::bigint / 1000.0)
        """, String(time.milliseconds)
      )
    }
    var flushes: [StoredFlush] = []
    try stream(
      """
      SELECT DISTINCT ON (partition) flush_id, partition, to_position,
        (extract(epoch FROM date_trunc('milliseconds', flushed_at)) * 1000)::bigint
      FROM weighbridge.flushes WHERE flush_id <= (\(bound.sql))
      ORDER BY partition, flush_id DESC
      """, [bound.parameter]
    ) { rows, row in
      flushes.append(
        StoredFlush(
          id: try rows.integer(row, 0), partition: try rows.integer(row, 1),
          end: LogPosition(try rows.integer(row, 2)),
          time: Timestamp(milliseconds: try rows.integer(row, 3))))
    }
    return flushes
  }

  /// Whether `usage_hourly` has a row that the filter lets through.
  public func hasUsage(_ filter: UsageFilter) throws -> Bool {
    try hasRow(of: "usage_hourly", filter.condition(hourColumn: "hour"))
  }

  /// Whether `usage_adjustments` has a row that the filter lets through; hours are origin hours.
  public func hasAdjustments(_ filter: UsageFilter) throws -> Bool {
    try hasRow(of: "usage_adjustments", filter.condition(hourColumn: "origin_hour"))
  }

  private func hasRow(
    of table: String, _ condition: (sql: String, parameters: [String])
  ) throws -> Bool {
    var isFound = false
    try stream(
      "SELECT 1 FROM weighbridge.\(table) WHERE \(condition.sql) LIMIT 1", condition.parameters
    ) { _, _ in isFound = true }
    return isFound
  }
}
