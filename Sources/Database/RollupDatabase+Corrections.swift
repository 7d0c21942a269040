internal import Metering
internal import Postgres
internal import SegmentLog
internal import Wire

extension RollupDatabase {
  /// Writes the corrections of a batch down.
  func recordCorrections(of batch: FlushBatch, as flush: Int64) throws(PostgresError) {
    for logged in batch.corrections {
      let correction = logged.correction
      guard let subject = correction.voided ?? correction.added else { continue }
      try connection.execute(
        """
        INSERT INTO weighbridge.corrections
          (partition, position, kind, tenant, hour, record_position, quarantined, revision, voided,
           added, corrected_at, operator, reason, flush_id)
        VALUES ($1, $2, $3, $4, \(HourSQL.time("$5")), $6, $7, $8,
          \(Self.booked(13)), \(Self.booked(22)), to_timestamp($9::numeric / 1000), $10, $11, $12)
        """,
        [
          String(batch.partition), String(logged.position.rawValue), correction.kindName,
          subject.record.tenant, String(Hour(containing: subject.record.time).index),
          correction.recordPosition.map { String($0.rawValue) },
          correction.quarantinedNumber.map { String($0) }, String(correction.revision),
          String(correction.time.milliseconds), correction.operatorName, correction.reason,
          String(flush),
        ] + Self.parameters(correction.voided) + Self.parameters(correction.added))
    }
  }

  /// An SQL expression for a booked record as JSON, of nine parameters from this one on; null if
  /// the first one is.
  private static func booked(_ first: Int) -> String {
    """
    CASE WHEN $\(first)::text IS NOT NULL THEN jsonb_build_object('kind', $\(first)::text,
      'operation', $\(first + 1)::text, 'context_type', $\(first + 2)::text,
      'context', $\(first + 3)::text, 'time', $\(first + 4)::text,
      'quantity', $\(first + 5)::bigint,
      'weight', $\(first + 6)::bigint, 'key', $\(first + 7)::text,
      'booking_period', $\(first + 8)::text) END
    """
  }

  private static func parameters(_ booked: BookedRecord?) -> [String?] {
    guard let booked else { return Array(repeating: nil, count: 9) }
    let record = booked.record
    return [
      record.kind.name, record.operation, record.contextType.name, record.context,
      record.time.text, String(record.quantity), String(booked.weight), record.key.text,
      booked.bookingStart?.text,
    ]
  }
}

extension Correction {
  /// The name of what was done.
  var kindName: String {
    if voided == nil { return "replay" }
    return added == nil ? "void" : "amend"
  }

  fileprivate var recordPosition: LogPosition? {
    if case .record(let position) = subject { position } else { nil }
  }

  fileprivate var quarantinedNumber: UInt64? {
    if case .quarantined(let number) = subject { number } else { nil }
  }
}
