public import Metering
internal import Postgres
public import SegmentLog
public import Wire

/// A row of `corrections`.
public struct CorrectionRow: Sendable, Hashable {
  /// The partition whose log holds it.
  public var partition: UInt16
  /// Its position in that log.
  public var position: LogPosition
  /// `void`, `amend` or `replay`.
  public var kind: String
  /// The tenant.
  public var tenant: String
  /// The hour of the record that it is about.
  public var hour: Hour
  /// The position of that record; nil for a quarantined one.
  public var record: LogPosition?
  /// Its number in the quarantine.
  public var quarantined: UInt64?
  /// How many amendments led to what was added.
  public var revision: UInt32
  /// What no longer counts, as JSON.
  public var voided: String?
  /// What counts instead, as JSON.
  public var added: String?
  /// When, by the ledger's time.
  public var time: Timestamp
  /// Who asked for it.
  public var operatorName: String
  /// Why.
  public var reason: String
}

extension RollupSnapshot {
  /// Hands over rows of `corrections`, in the order in which they were made.
  ///
  /// - Parameters:
  ///   - filter: which rows; hours are those of the records, kind and operation do not matter.
  ///   - body: called for each row; its error ends the query and is thrown on.
  /// - Throws: ``DatabaseError``, or what the body throws.
  public func corrections(
    _ filter: UsageFilter = UsageFilter(), _ body: (CorrectionRow) throws -> Void
  ) throws {
    let condition = UsageFilter(tenant: filter.tenant, from: filter.from, to: filter.to)
      .condition(hourColumn: "hour")
    try stream(
      """
      SELECT partition, position, kind, tenant, \(HourSQL.index("hour")), record_position,
        quarantined, revision, voided, added, (extract(epoch FROM corrected_at) * 1000)::bigint,
        operator, reason
      FROM weighbridge.corrections WHERE \(condition.sql)
      ORDER BY corrected_at, partition, position
      """, condition.parameters
    ) { rows, row in
      func text(_ column: Int) -> String? {
        rows.isNull(row, column) ? nil : rows.text(row, column)
      }
      try body(
        CorrectionRow(
          partition: try rows.integer(row, 0), position: LogPosition(try rows.integer(row, 1)),
          kind: rows.text(row, 2), tenant: rows.text(row, 3),
          hour: Hour(index: try rows.integer(row, 4)),
          record: rows.isNull(row, 5) ? nil : LogPosition(try rows.integer(row, 5)),
          quarantined: rows.isNull(row, 6) ? nil : try rows.integer(row, 6),
          revision: try rows.integer(row, 7), voided: text(8), added: text(9),
          time: Timestamp(milliseconds: try rows.integer(row, 10)),
          operatorName: rows.text(row, 11),
          reason: rows.text(row, 12)))
    }
  }
}
