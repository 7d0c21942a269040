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

  /// Hands over the rows of `negative_levels`, ascending by the bytes of the tenant, then by the
  /// first hour: spans of hours at whose ends a tenant has less than nothing stored.
  ///
  /// - Parameters:
  ///   - tenant: only this tenant's, or nil for all, which reads the storage of all tenants.
  ///   - body: called for each row; its error ends the query and is thrown on.
  /// - Throws: ``DatabaseError``, or what the body throws.
  public func negativeLevels(
    of tenant: String? = nil, _ body: (NegativeLevel) throws -> Void
  ) throws {
    try stream(
      """
      SELECT tenant, \(HourSQL.index("since")), \(HourSQL.index("until")), lowest,
        \(HourSQL.index("origin_hour")), operation, context_type, context, quantity
      FROM weighbridge.negative_levels \(tenant == nil ? "" : "WHERE tenant = $1")
      ORDER BY tenant, since, origin_hour, operation, context_type, context
      """, tenant.map { [$0] } ?? []
    ) { rows, row in
      let typeName = rows.text(row, 6)
      guard let contextType = ContextType(name: typeName) else {
        throw DatabaseError.unexpectedValue(column: "context_type", found: typeName)
      }
      try body(
        NegativeLevel(
          cause: UsageSubject(
            tenant: rows.text(row, 0), kind: .storage, operation: rows.text(row, 5),
            contextType: contextType, context: rows.text(row, 7)),
          since: Hour(index: try rows.integer(row, 1)),
          until: Hour(index: try rows.integer(row, 2)), lowest: try rows.integer(row, 3),
          originHour: Hour(index: try rows.integer(row, 4)),
          quantity: try rows.integer(row, 8)))
    }
  }
}
