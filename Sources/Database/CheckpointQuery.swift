internal import Metering
internal import Postgres
internal import SegmentLog
internal import Wire

/// Reads `checkpoints`.
enum CheckpointQuery {
  /// All rows, by partition.
  static func read(_ connection: PostgresConnection) throws(DatabaseError) -> [StoredCheckpoint] {
    do throws(PostgresError) {
      let rows = try connection.execute(
        """
        SELECT partition, installation, position, chain, token, flush_id
        FROM weighbridge.checkpoints ORDER BY partition
        """)
      var found: [StoredCheckpoint] = []
      for row in 0..<rows.count {
        let place = Checkpoint(
          position: LogPosition(try rows.integer(row, 2)), chain: try rows.integer(row, 3))
        guard let installation = UUIDText(rows.text(row, 1)),
          let token = UUIDText(rows.text(row, 4))
        else { fatalError("BUG: the server writes a uuid in another form") }
        found.append(
          StoredCheckpoint(
            installation: InstallationID(bits: installation.bits),
            partition: try rows.integer(row, 0), place: place, token: token.bits,
            flush: try rows.integer(row, 5)))
      }
      return found
    } catch {
      throw DatabaseError(error)
    }
  }
}
