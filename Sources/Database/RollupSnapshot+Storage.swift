public import Metering
internal import Postgres
internal import Wire

extension RollupSnapshot {
  /// Hands over the stored bytes of a tenant, hour by hour: all closed hours from its first usage
  /// on, or those of them that are asked for.
  ///
  /// - Parameters:
  ///   - tenant: the tenant's name.
  ///   - from: the first hour; nil for the first usage.
  ///   - to: the first hour that is no longer meant; nil for all closed hours.
  ///   - body: called for each hour, ascending; its error ends the query and is thrown on.
  /// - Throws: ``DatabaseError``, or what the body throws.
  public func storageHours(
    of tenant: String, from: Hour? = nil, to: Hour? = nil,
    _ body: (StorageHour) throws -> Void
  ) throws {
    try stream(
      """
      SELECT \(HourSQL.index("hour")), level, byte_milliseconds, late_byte_milliseconds
      FROM weighbridge.storage_hours($1, coalesce(\(HourSQL.time("$2")), '-infinity'),
        coalesce(\(HourSQL.time("$3")), 'infinity'))
      ORDER BY hour
      """, [tenant, from.map { String($0.index) }, to.map { String($0.index) }]
    ) { rows, row in
      try body(
        StorageHour(
          hour: Hour(index: try rows.integer(row, 0)), level: try rows.integer(row, 1),
          byteMilliseconds: try rows.integer(row, 2),
          lateByteMilliseconds: try rows.integer(row, 3)))
    }
  }

  /// Hands over hours of a period at whose ends a tenant has less than nothing stored, ascending by
  /// the bytes of the tenant, then by the first hour.
  ///
  /// Only closed hours are looked at. It reads the tenants' storage from the last finalized period
  /// on.
  ///
  /// - Parameters:
  ///   - period: the period.
  ///   - tenant: only this tenant's, or nil for all that have the period.
  ///   - body: called for each span of hours; its error ends the query and is thrown on.
  /// - Throws: ``DatabaseError``, or what the body throws.
  public func negativeLevels(
    in period: BillingPeriod, of tenant: String? = nil, _ body: (NegativeLevel) throws -> Void
  ) throws {
    let condition = tenant == nil ? "" : " AND period.tenant = $2"
    try negativeLevels(
      where: "period.name = $1\(condition)", [period.text] + (tenant.map { [$0] } ?? []), body)
  }

  /// Hands over the same of the periods that a run has finalized.
  public func negativeLevels(
    ofRun run: Int64, _ body: (NegativeLevel) throws -> Void
  ) throws {
    try negativeLevels(where: "period.run_id = $1", [String(run)], body)
  }

  private func negativeLevels(
    where condition: String, _ parameters: [String], _ body: (NegativeLevel) throws -> Void
  ) throws {
    var waiting: NegativeLevel?
    try stream(
      """
      WITH marked AS (
        SELECT period.tenant, period_start, stored.hour, level,
          count(*) FILTER (WHERE level >= 0)
            OVER (PARTITION BY period.tenant, period_start ORDER BY stored.hour) AS span
        FROM weighbridge.billing_periods AS period
        CROSS JOIN LATERAL
          weighbridge.storage_hours(period.tenant, period_start, period_end) AS stored
        WHERE \(condition)),
      spans AS (
        SELECT tenant, min(hour) AS since, max(hour) + interval '1 hour' AS until,
          min(level) AS lowest
        FROM marked WHERE level < 0 GROUP BY tenant, period_start, span)
      SELECT spans.tenant, \(HourSQL.index("since")), \(HourSQL.index("until")), lowest,
        \(HourSQL.index("origin_hour")), operation, context_type, context, quantity
      FROM spans LEFT JOIN LATERAL (
        SELECT hour AS origin_hour, operation, context_type, context, quantity
        FROM weighbridge.usage_hourly
        WHERE tenant = spans.tenant AND hour = since AND kind = 'storage' AND quantity < 0
        UNION ALL
        SELECT origin_hour, operation, context_type, context, quantity
        FROM weighbridge.usage_adjustments
        WHERE tenant = spans.tenant AND booking_period = since AND kind = 'storage'
          AND quantity < 0) AS cause ON true
      ORDER BY tenant, since, origin_hour, operation, context_type, context
      """, parameters
    ) { rows, row in
      let (tenant, since) = (rows.text(row, 0), Hour(index: try rows.integer(row, 1)))
      let isSame = waiting.map { $0.since == since && $0.tenant.utf8.elementsEqual(tenant.utf8) }
      if isSame != true {
        if let waiting { try body(waiting) }
        waiting = NegativeLevel(
          tenant: tenant, since: since, until: Hour(index: try rows.integer(row, 2)),
          lowest: try rows.integer(row, 3), causes: [])
      }
      if let cause = try Self.cause(rows, row) { waiting?.causes.append(cause) }
    }
    if let waiting { try body(waiting) }
  }

  private static func cause(_ rows: PostgresRows, _ row: Int) throws -> NegativeLevel.Cause? {
    guard !rows.isNull(row, 4) else { return nil }
    let typeName = rows.text(row, 6)
    guard let contextType = ContextType(name: typeName) else {
      throw DatabaseError.unexpectedValue(column: "context_type", found: typeName)
    }
    return NegativeLevel.Cause(
      originHour: Hour(index: try rows.integer(row, 4)), operation: rows.text(row, 5),
      contextType: contextType, context: rows.text(row, 7), quantity: try rows.integer(row, 8))
  }
}
