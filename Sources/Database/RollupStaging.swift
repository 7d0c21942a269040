internal import Metering
internal import Postgres
internal import Wire

/// Adds increments to `usage_hourly`: a binary `COPY` into a table of the session, then one upsert.
enum RollupStaging {
  private static let columns =
    "tenant, hour, kind, operation, context_type, context, records, quantity, weighted,"
    + " byte_milliseconds, digest"

  /// Adds increments. They should come in the order of the primary key: unsorted ones cost a
  /// quarter to a half more time, but give the same rows.
  static func upsert(
    _ increments: [RollupIncrement], as flush: Int64, on connection: PostgresConnection
  ) throws(PostgresError) {
    try connection.execute(
      """
      CREATE TEMPORARY TABLE IF NOT EXISTS staged_usage (
        tenant text, hour timestamptz, kind text, operation text, context_type text,
        context text, records bigint, quantity numeric, weighted numeric,
        byte_milliseconds numeric, digest numeric(39, 0)
      ) ON COMMIT DELETE ROWS
      """)
    try connection.copy(into: "pg_temp.staged_usage (\(columns))", columns: 11) {
      (writer: inout BinaryCopyWriter) throws(PostgresError) in
      for increment in increments {
        try writer.beginRow()
        writer.text(increment.subject.tenant)
        writer.timestamp(milliseconds: increment.hour.start.milliseconds)
        writer.rest(of: increment.subject)
        writer.sums(increment.sums)
      }
    }
    try connection.execute(
      """
      INSERT INTO weighbridge.usage_hourly AS present (\(columns), flush_id)
      SELECT \(columns), $1::bigint FROM pg_temp.staged_usage
      ON CONFLICT (tenant, hour, kind, operation, context_type, context) DO UPDATE SET
        \(StagedSums.addition)
      """, [String(flush)])
  }
}

/// Adds increments to `usage_adjustments` in the same way.
enum AdjustmentStaging {
  private static let columns =
    "tenant, booking_period, origin_hour, kind, operation, context_type, context, records,"
    + " quantity, weighted, byte_milliseconds, digest"

  /// Adds increments.
  static func upsert(
    _ increments: [AdjustmentIncrement], as flush: Int64, on connection: PostgresConnection
  ) throws(PostgresError) {
    try connection.execute(
      """
      CREATE TEMPORARY TABLE IF NOT EXISTS staged_adjustments (
        tenant text, booking_period timestamptz, origin_hour timestamptz, kind text,
        operation text, context_type text, context text, records bigint, quantity numeric,
        weighted numeric, byte_milliseconds numeric, digest numeric(39, 0)
      ) ON COMMIT DELETE ROWS
      """)
    try connection.copy(into: "pg_temp.staged_adjustments (\(columns))", columns: 12) {
      (writer: inout BinaryCopyWriter) throws(PostgresError) in
      for increment in increments {
        try writer.beginRow()
        writer.text(increment.subject.tenant)
        writer.timestamp(milliseconds: increment.bookingStart.start.milliseconds)
        writer.timestamp(milliseconds: increment.originHour.start.milliseconds)
        writer.rest(of: increment.subject)
        writer.sums(increment.sums)
      }
    }
    try connection.execute(
      """
      INSERT INTO weighbridge.usage_adjustments AS present (\(columns), flush_id)
      SELECT \(columns), $1::bigint FROM pg_temp.staged_adjustments
      ON CONFLICT (tenant, booking_period, origin_hour, kind, operation, context_type, context)
      DO UPDATE SET \(StagedSums.addition)
      """, [String(flush)])
  }
}

/// What both tables have in common.
private enum StagedSums {
  /// The assignments of the upsert: everything is addition, of the digest modulo 2^128.
  static let addition = """
    records = present.records + EXCLUDED.records,
    quantity = present.quantity + EXCLUDED.quantity,
    weighted = present.weighted + EXCLUDED.weighted,
    byte_milliseconds = present.byte_milliseconds + EXCLUDED.byte_milliseconds,
    digest = mod(present.digest + EXCLUDED.digest, 340282366920938463463374607431768211456),
    flush_id = EXCLUDED.flush_id
    """
}

extension BinaryCopyWriter {
  /// Kind, operation, context type and context.
  fileprivate mutating func rest(of subject: UsageSubject) {
    text(subject.kind.name)
    text(subject.operation)
    text(subject.contextType.name)
    text(subject.context)
  }

  /// Records, quantity, weighted quantity, byte-milliseconds and digest.
  fileprivate mutating func sums(_ sums: UsageSums) {
    int8(sums.count)
    numeric(sums.quantity)
    numeric(sums.weighted)
    numeric(sums.byteMilliseconds)
    numeric(sums.digest)
  }
}
