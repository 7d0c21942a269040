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
      parameters.append(PeriodCalendar.startText(period))
      terms.append("period_start = $\(parameters.count)")
    }
    try stream(
      """
      SELECT tenant, \(PeriodCalendar.monthExpression("period_start")), opening_level, state,
        (extract(epoch FROM finalized_at) * 1000)::bigint, finalized_by, log_partition,
        log_position, records, digest, adjustments_digest, totals, closing_level
      FROM weighbridge.billing_periods WHERE \(terms.joined(separator: " AND "))
      ORDER BY tenant, period_start
      """, parameters
    ) { rows, row in
      try body(
        PeriodRow(
          tenant: rows.text(row, 0), period: BillingPeriod(month: try rows.integer(row, 1)),
          openingLevel: try rows.integer(row, 2), finalized: try Self.finalized(rows, row)))
    }
  }

  /// Hands over each figure of the column `totals` of finalized periods, ascending by the bytes of
  /// (tenant, period).
  ///
  /// - Parameter body: called with the tenant, the period, the figure's path, such as
  ///   `usage.traffic.records`, and its value in decimal; its error ends the query and is thrown
  ///   on.
  /// - Throws: ``DatabaseError``, or what the body throws.
  public func totals(
    _ body: (
      _ tenant: String, _ period: BillingPeriod, _ path: String, _ value: String
    ) throws -> Void
  ) throws {
    try stream(
      """
      SELECT tenant, \(PeriodCalendar.monthExpression("period_start")),
        concat_ws('.', part.key, kind.key, figure.key), figure.value
      FROM weighbridge.billing_periods AS period, jsonb_each(period.totals) AS part,
        jsonb_each(part.value) AS kind, jsonb_each_text(kind.value) AS figure
      WHERE state = 'finalized' ORDER BY tenant, period_start
      """, []
    ) { rows, row in
      try body(
        rows.text(row, 0), BillingPeriod(month: try rows.integer(row, 1)), rows.text(row, 2),
        rows.text(row, 3))
    }
  }

  private static func finalized(
    _ rows: PostgresRows, _ row: Int
  ) throws(PostgresError) -> FinalizedPeriod? {
    guard rows.text(row, 3) == "finalized" else { return nil }
    return FinalizedPeriod(
      time: Timestamp(milliseconds: try rows.integer(row, 4)), operatorName: rows.text(row, 5),
      partition: try rows.integer(row, 6), position: LogPosition(try rows.integer(row, 7)),
      records: try rows.integer(row, 8), digest: try rows.integer(row, 9),
      adjustmentsDigest: try rows.integer(row, 10), totals: rows.text(row, 11),
      closingLevel: try rows.integer(row, 12))
  }
}
