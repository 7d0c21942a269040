public import Metering
internal import Postgres
internal import SegmentLog
internal import Wire

extension RollupSnapshot {
  /// Hands over rows of `billing_periods`, ascending by the bytes of (tenant, period).
  ///
  /// - Parameters:
  ///   - tenant: only this tenant's, or nil for all.
  ///   - period: only this period, or nil for all.
  ///   - body: called for each row; its error ends the query and is thrown on.
  /// - Throws: ``DatabaseError``, or what the body throws.
  public func periods(
    tenant: String? = nil, period: BillingPeriod? = nil, _ body: (PeriodRow) throws -> Void
  ) throws {
    var terms = ["true"]
    var parameters: [String] = []
    if let tenant {
      parameters.append(tenant)
      terms.append("tenant = $\(parameters.count)")
    }
    if let period {
      parameters.append(period.text)
      terms.append("name = $\(parameters.count)")
    }
    try stream(
      """
      SELECT tenant, name, opening_level, state,
        (extract(epoch FROM finalized_at) * 1000)::bigint, finalized_by, log_partition,
        log_position, records, digest, adjustments_digest, totals, closing_level,
        \(HourSQL.index("period_start")), \(HourSQL.index("period_end")), run_id,
        acceptance_position, operation_totals
      FROM weighbridge.billing_periods WHERE \(terms.joined(separator: " AND "))
      ORDER BY tenant, period_start
      """, parameters
    ) { rows, row in
      try body(
        PeriodRow(
          tenant: rows.text(row, 0),
          bounds: PeriodBounds(
            period: try Self.period(rows.text(row, 1)),
            start: Hour(index: try rows.integer(row, 13)),
            end: Hour(index: try rows.integer(row, 14))),
          openingLevel: try rows.integer(row, 2), finalized: try Self.finalized(rows, row)))
    }
  }

  /// Hands over each figure of the column `totals` of finalized periods, ascending by the bytes of
  /// (tenant, period).
  ///
  /// - Parameters:
  ///   - tenant: only this tenant's, or nil for all.
  ///   - body: called with the tenant, the period, the figure's path, such as
  ///     `usage.traffic.records`, and its value in decimal; its error ends the query and is thrown
  ///     on.
  /// - Throws: ``DatabaseError``, or what the body throws.
  public func totals(
    tenant: String? = nil,
    _ body: (
      _ tenant: String, _ period: BillingPeriod, _ path: String, _ value: String
    ) throws -> Void
  ) throws {
    try stream(
      """
      SELECT tenant, name, concat_ws('.', part.key, kind.key, figure.key), figure.value
      FROM weighbridge.billing_periods AS period, jsonb_each(period.totals) AS part,
        jsonb_each(part.value) AS kind, jsonb_each_text(kind.value) AS figure
      WHERE state = 'finalized'\(tenant == nil ? "" : " AND tenant = $1")
      ORDER BY tenant, period_start
      """, tenant.map { [$0] } ?? []
    ) { rows, row in
      try body(
        rows.text(row, 0), try Self.period(rows.text(row, 1)), rows.text(row, 2),
        rows.text(row, 3))
    }
  }

  /// Hands over rows of `gap_acceptances`, ascending by (partition, position).
  ///
  /// - Parameter body: called for each row; its error ends the query and is thrown on.
  /// - Throws: ``DatabaseError``, or what the body throws.
  public func acceptances(_ body: (AcceptanceRow) throws -> Void) throws {
    try stream(
      """
      SELECT partition, position, (extract(epoch FROM accepted_at) * 1000)::bigint, operator,
        reason, gaps
      FROM weighbridge.gap_acceptances ORDER BY partition, position
      """, []
    ) { rows, row in
      try body(
        AcceptanceRow(
          partition: try rows.integer(row, 0), position: LogPosition(try rows.integer(row, 1)),
          time: Timestamp(milliseconds: try rows.integer(row, 2)),
          operatorName: rows.text(row, 3), reason: rows.text(row, 4), gaps: rows.text(row, 5)))
    }
  }

  private static func period(_ name: String) throws(DatabaseError) -> BillingPeriod {
    do throws(CalendarError) {
      return try BillingPeriod(parsing: name)
    } catch {
      throw .unexpectedValue(column: "name", found: name)
    }
  }

  private static func finalized(
    _ rows: PostgresRows, _ row: Int
  ) throws(PostgresError) -> FinalizedPeriod? {
    guard rows.text(row, 3) == "finalized" else { return nil }
    return FinalizedPeriod(
      time: Timestamp(milliseconds: try rows.integer(row, 4)), operatorName: rows.text(row, 5),
      run: rows.isNull(row, 15) ? nil : try rows.integer(row, 15),
      acceptance: rows.isNull(row, 16) ? nil : LogPosition(try rows.integer(row, 16)),
      partition: try rows.integer(row, 6), position: LogPosition(try rows.integer(row, 7)),
      records: try rows.integer(row, 8), digest: try rows.integer(row, 9),
      adjustmentsDigest: try rows.integer(row, 10), totals: rows.text(row, 11),
      operationTotals: rows.text(row, 17), closingLevel: try rows.integer(row, 12))
  }
}
