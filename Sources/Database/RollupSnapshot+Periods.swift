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
      terms.append("period.tenant = $\(parameters.count)")
    }
    if let period {
      parameters.append(period.text)
      terms.append("period.name = $\(parameters.count)")
    }
    try stream(
      """
      SELECT tenant, name, opening_level, state,
        (extract(epoch FROM finalized_at) * 1000)::bigint, finalized_by, log_partition,
        log_position, records, digest, adjustments_digest, totals, closing_level,
        \(HourSQL.index("period_start")), \(HourSQL.index("period_end")), run_id,
        operation_totals, acceptance_position,
        (extract(epoch FROM accepted_at) * 1000)::bigint, operator, reason, gaps
      FROM weighbridge.billing_periods AS period
      LEFT JOIN weighbridge.gap_acceptances AS acceptance
        ON acceptance.partition = log_partition AND acceptance.position = acceptance_position
      WHERE \(terms.joined(separator: " AND "))
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
      acceptance: try acceptance(rows, row), partition: try rows.integer(row, 6),
      position: LogPosition(try rows.integer(row, 7)),
      records: try rows.integer(row, 8), digest: try rows.integer(row, 9),
      adjustmentsDigest: try rows.integer(row, 10), totals: rows.text(row, 11),
      operationTotals: rows.text(row, 16), closingLevel: try rows.integer(row, 12))
  }
  private static func acceptance(
    _ rows: PostgresRows, _ row: Int
  ) throws(PostgresError) -> AcceptanceRow? {
    guard !rows.isNull(row, 17) else { return nil }
    return AcceptanceRow(
      partition: try rows.integer(row, 6), position: LogPosition(try rows.integer(row, 17)),
      time: Timestamp(milliseconds: try rows.integer(row, 18)), operatorName: rows.text(row, 19),
      reason: rows.text(row, 20), gaps: rows.text(row, 21))
  }
}
