internal import Metering
internal import Postgres
internal import SegmentLog
internal import Wire

/// Queries on one unchanging state of all tables. Valid only inside
/// ``RollupDatabase/snapshot(_:)``.
public struct RollupSnapshot {
  let connection: PostgresConnection

  /// Rows that are in memory at a time.
  private static let chunk = 5_000

  /// How far each partition's log is contained in the tables, by partition.
  public func checkpoints() throws(DatabaseError) -> [StoredCheckpoint] {
    try CheckpointQuery.read(connection)
  }

  /// Hands over rows of `usage_hourly`, ascending by the bytes of (tenant, hour, kind's name,
  /// operation, context type's name, context).
  ///
  /// - Parameters:
  ///   - filter: which rows.
  ///   - body: called for each row; its error ends the query and is thrown on.
  /// - Throws: ``DatabaseError``, or what the body throws.
  public func usage(
    _ filter: UsageFilter = UsageFilter(), _ body: (UsageRow) throws -> Void
  ) throws {
    let condition = filter.condition(hourColumn: "hour")
    try stream(
      """
      SELECT tenant, kind, operation, context_type, context, records, quantity, weighted,
        byte_milliseconds, digest, flush_id, \(HourSQL.index("hour"))
      FROM weighbridge.usage_hourly WHERE \(condition.sql)
      ORDER BY tenant, hour, kind, operation, context_type, context
      """, condition.parameters
    ) { rows, row in
      try body(
        UsageRow(
          subject: try Self.subject(rows, row), hour: Hour(index: try rows.integer(row, 11)),
          sums: try Self.sums(rows, row), flush: try rows.integer(row, 10)))
    }
  }

  /// Hands over rows of `usage_adjustments`, ascending by the bytes of (tenant, booking period,
  /// origin hour, kind's name, operation, context type's name, context).
  ///
  /// - Parameters:
  ///   - filter: which rows; hours are origin hours.
  ///   - body: called for each row; its error ends the query and is thrown on.
  /// - Throws: ``DatabaseError``, or what the body throws.
  public func adjustments(
    _ filter: UsageFilter = UsageFilter(), _ body: (AdjustmentRow) throws -> Void
  ) throws {
    let condition = filter.condition(hourColumn: "origin_hour")
    try stream(
      """
      SELECT tenant, kind, operation, context_type, context, records, quantity, weighted,
        byte_milliseconds, digest, flush_id, \(HourSQL.index("origin_hour")),
        \(HourSQL.index("booking_period"))
      FROM weighbridge.usage_adjustments WHERE \(condition.sql)
      ORDER BY tenant, booking_period, origin_hour, kind, operation, context_type, context
      """, condition.parameters
    ) { rows, row in
      try body(
        AdjustmentRow(
          subject: try Self.subject(rows, row),
          originHour: Hour(index: try rows.integer(row, 11)),
          bookingStart: Hour(index: try rows.integer(row, 12)),
          sums: try Self.sums(rows, row), flush: try rows.integer(row, 10)))
    }
  }

  /// Hands over rows of `closed_hours`, ascending by (hour, partition).
  public func closedHours(_ body: (ClosedHour) throws -> Void) throws {
    try stream(
      """
      SELECT \(HourSQL.index("hour")), partition
      FROM weighbridge.closed_hours ORDER BY hour, partition
      """, []
    ) { rows, row in
      try body(
        ClosedHour(
          hour: Hour(index: try rows.integer(row, 0)), partition: try rows.integer(row, 1)))
    }
  }

  /// Runs a query through a cursor, so that memory stays bounded whatever the number of rows.
  func stream(
    _ query: String, _ parameters: [String?], _ body: (PostgresRows, Int) throws -> Void
  ) throws {
    do {
      try connection.execute("DECLARE rows_of_query NO SCROLL CURSOR FOR \(query)", parameters)
      while true {
        let rows = try connection.execute("FETCH \(Self.chunk) FROM rows_of_query")
        for row in 0..<rows.count { try body(rows, row) }
        if rows.count < Self.chunk { break }
      }
      try connection.execute("CLOSE rows_of_query")
    } catch let error as PostgresError {
      throw DatabaseError(error)
    }
  }

  /// The first five columns of both tables.
  private static func subject(
    _ rows: PostgresRows, _ row: Int
  ) throws(DatabaseError) -> UsageSubject {
    let kindName = rows.text(row, 1)
    guard let kind = UsageKind(name: kindName) else {
      throw .unexpectedValue(column: "kind", found: kindName)
    }
    let typeName = rows.text(row, 3)
    guard let contextType = ContextType(name: typeName) else {
      throw .unexpectedValue(column: "context_type", found: typeName)
    }
    return UsageSubject(
      tenant: rows.text(row, 0), kind: kind, operation: rows.text(row, 2),
      contextType: contextType, context: rows.text(row, 4))
  }

  /// The five columns after them.
  private static func sums(_ rows: PostgresRows, _ row: Int) throws(PostgresError) -> UsageSums {
    UsageSums(
      count: try rows.integer(row, 5), quantity: try rows.integer(row, 6),
      weighted: try rows.integer(row, 7), byteMilliseconds: try rows.integer(row, 8),
      digest: try rows.integer(row, 9))
  }
}
