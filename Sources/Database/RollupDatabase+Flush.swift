public import Metering
internal import Postgres
internal import SegmentLog
internal import Wire

/// How a flush ended.
public enum FlushOutcome: Sendable, Hashable {
  /// It was committed under this id.
  case committed(flush: Int64)
  /// An earlier attempt with the same token had been committed under this id; nothing was written.
  case alreadyCommitted(flush: Int64)
}

extension RollupDatabase {
  /// Writes increments, adjustments, closed hours, accepted gaps, finalizations and the new
  /// checkpoint of one partition in one transaction.
  ///
  /// May be repeated with the same batch until it is committed; the token keeps it from counting
  /// twice. Flushes of all partitions wait for each other. O(rows of the batch).
  ///
  /// - Parameter batch: what to write; no two increments name the same row.
  /// - Throws: ``DatabaseError``. Nothing was written, except perhaps after
  ///   ``DatabaseError/outcomeUnknown(_:)``.
  public func flush(_ batch: FlushBatch) throws(DatabaseError) -> FlushOutcome {
    do {
      // READ COMMITTED: what a wait for another transaction reveals must be seen.
      try connection.execute("BEGIN ISOLATION LEVEL READ COMMITTED")
      let flush = try takeFlushID()
      if let earlier = try requireCheckpoint(of: batch) {
        rollBack()
        return .alreadyCommitted(flush: earlier)
      }
      try write(batch, as: flush)
      try moveCheckpoint(of: batch, as: flush)
      try commit()
      return .committed(flush: flush)
    } catch {
      // A month that this transaction made is gone with it.
      knownMonths.removeAll()
      rollBack()
      throw DatabaseError(any: error)
    }
  }

  /// Ends the transaction. A server that answers has decided; one that does not may have.
  private func commit() throws {
    do throws(PostgresError) {
      let answer = try connection.execute("COMMIT")
      guard answer.commandTag == "COMMIT" else {
        throw PostgresError(
          sqlState: "25P02", message: "the transaction had failed: \(answer.commandTag)",
          statement: "COMMIT")
      }
    } catch {
      if error.isConnectionLost { throw DatabaseError.outcomeUnknown(error) }
      throw error
    }
  }

  /// The next flush id. Its row stays locked until commit, so flushes follow one another and
  /// commit order is id order.
  private func takeFlushID() throws(PostgresError) -> Int64 {
    try connection.execute(
      """
      UPDATE weighbridge.flush_counter SET last_flush_id = last_flush_id + 1
      RETURNING last_flush_id
      """
    ).integer(0, 0)
  }

  /// Compares the checkpoint with what the batch expects.
  ///
  /// - Returns: the id of the flush that this batch was committed under before, or nil if it is
  ///   to be written.
  private func requireCheckpoint(of batch: FlushBatch) throws -> Int64? {
    let stored = try CheckpointQuery.read(connection)
    for checkpoint in stored where checkpoint.installation != batch.installation {
      throw DatabaseError.installationMismatch(
        expected: batch.installation, found: checkpoint.installation)
    }
    let own = stored.first { $0.partition == batch.partition }
    if let own, own.token == batch.token, own.place == batch.to { return own.flush }
    guard own?.place ?? .beginning == batch.from else {
      throw DatabaseError.otherWriter(
        partition: batch.partition, expected: batch.from, found: own?.place)
    }
    return nil
  }

  /// Puts the checkpoint where the batch ends, if it still stands where the batch begins.
  private func moveCheckpoint(of batch: FlushBatch, as flush: Int64) throws {
    let moved = try connection.execute(
      """
      INSERT INTO weighbridge.checkpoints AS present
        (partition, installation, position, chain, token, flush_id)
      VALUES ($1, $2, $3, $4, $5, $6)
      ON CONFLICT (partition) DO UPDATE SET
        position = EXCLUDED.position, chain = EXCLUDED.chain, token = EXCLUDED.token,
        flush_id = EXCLUDED.flush_id
      WHERE present.installation = EXCLUDED.installation
        AND present.position = $7 AND present.chain = $8
      """,
      [
        String(batch.partition), UUIDText(bits: batch.installation.bits).description,
        String(batch.to.position.rawValue), String(batch.to.chain),
        UUIDText(bits: batch.token).description, String(flush),
        String(batch.from.position.rawValue), String(batch.from.chain),
      ])
    guard moved.affectedRows == 1 else {
      let found = try CheckpointQuery.read(connection).first { $0.partition == batch.partition }
      throw DatabaseError.otherWriter(
        partition: batch.partition, expected: batch.from, found: found?.place)
    }
  }

  /// Everything but the checkpoint; finalizations come last.
  private func write(_ batch: FlushBatch, as flush: Int64) throws {
    try recordFlush(batch, as: flush)
    if !batch.rollups.isEmpty {
      try ensureMonths(of: batch)
      try RollupStaging.upsert(batch.rollups, as: flush, on: connection)
      try recordHours(of: batch, as: flush)
    }
    if !batch.adjustments.isEmpty {
      try AdjustmentStaging.upsert(batch.adjustments, as: flush, on: connection)
    }
    try openPeriods(of: batch)
    if !batch.closedHours.isEmpty { try close(batch, as: flush) }
    try recordCorrections(of: batch, as: flush)
    try recordAcceptances(of: batch)
    try finalize(batch)
  }

  private func recordFlush(_ batch: FlushBatch, as flush: Int64) throws(PostgresError) {
    try connection.execute(
      """
      INSERT INTO weighbridge.flushes
        (flush_id, installation, partition, token, from_position, to_position, usage_rows,
         adjustment_rows, records)
      VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
      """,
      [
        String(flush), UUIDText(bits: batch.installation.bits).description,
        String(batch.partition), UUIDText(bits: batch.token).description,
        String(batch.from.position.rawValue), String(batch.to.position.rawValue),
        String(batch.rollups.count), String(batch.adjustments.count), String(batch.records),
      ])
    try connection.execute(
      """
      SELECT pg_notify('weighbridge_flush', json_build_object(
        'flush', $1::bigint, 'partition', $2::integer, 'rows', $3::bigint)::text)
      """,
      [String(flush), String(batch.partition), String(batch.rollups.count)])
  }

  /// Makes the months that the batch needs and that this connection has not seen.
  private func ensureMonths(of batch: FlushBatch) throws(PostgresError) {
    var lastHour: Hour?
    for increment in batch.rollups where increment.hour != lastHour {
      lastHour = increment.hour
      let month = BillingPeriod(containing: increment.hour)
      guard !knownMonths.contains(month) else { continue }
      try connection.execute(
        "SELECT weighbridge.ensure_month(\(HourSQL.time("$1")))", [String(month.firstHour.index)])
      knownMonths.insert(month)
    }
  }

  private func recordHours(of batch: FlushBatch, as flush: Int64) throws(PostgresError) {
    var hours: Set<Hour> = []
    for increment in batch.rollups { hours.insert(increment.hour) }
    try connection.execute(
      """
      INSERT INTO weighbridge.flush_hours (flush_id, hour)
      SELECT $1::bigint, to_timestamp(hour * 3600.0)
      FROM unnest($2::bigint[]) AS hour ORDER BY hour
      """, [String(flush), TextArray.text(hours.map(\.index))])
  }

  private func close(_ batch: FlushBatch, as flush: Int64) throws(PostgresError) {
    try connection.execute(
      """
      INSERT INTO weighbridge.closed_hours (hour, partition, flush_id)
      SELECT to_timestamp(hour * 3600.0), $2::integer, $1::bigint
      FROM unnest($3::bigint[]) AS hour ORDER BY hour
      ON CONFLICT DO NOTHING
      """, [String(flush), String(batch.partition), TextArray.text(batch.closedHours.map(\.index))])
    try connection.execute(
      """
      SELECT pg_notify('weighbridge_close', json_build_object(
        'flush', $1::bigint, 'partition', $2::integer,
        'first', to_timestamp(min(hour) * 3600.0), 'last', to_timestamp(max(hour) * 3600.0),
        'hours', count(*))::text)
      FROM unnest($3::bigint[]) AS hour
      """, [String(flush), String(batch.partition), TextArray.text(batch.closedHours.map(\.index))])
  }
}
