internal import Metering
public import Postgres
internal import SegmentLog
internal import Wire

/// The rollup tables of Weighbridge in Postgres. One thread owns it; every call blocks.
///
/// It acts with the rights of ``DatabaseSchema/serviceRole``. After an error whose
/// ``DatabaseError/isConnectionLost`` is true a new one must be made.
public final class RollupDatabase {
  let connection: PostgresConnection
  /// Months of `usage_hourly` that this connection has seen in a committed state.
  var knownMonths: Set<BillingPeriod> = []

  /// Connects and makes sure that the schema is at this program's version.
  ///
  /// - Throws: ``DatabaseError``.
  public init(_ settings: ConnectionSettings) throws(DatabaseError) {
    do throws(PostgresError) {
      connection = try PostgresConnection(settings)
      // Staged rows of a large flush stay in memory.
      try connection.execute(
        """
        SELECT set_config('temp_buffers', '64MB', false), set_config('work_mem', '64MB', false)
        """)
    } catch {
      throw DatabaseError(error)
    }
    try DatabaseSchema.requireCurrent(connection)
  }

  /// Whether the session is still alive as far as is known.
  public var isOpen: Bool { connection.isOpen }

  /// A handle with which another thread can cancel what the session is doing.
  public func canceller() -> PostgresCanceller { connection.canceller() }

  /// How far a partition's log is contained in the tables; nil before its first flush.
  ///
  /// - Throws: ``DatabaseError``.
  public func checkpoint(partition: UInt16) throws(DatabaseError) -> StoredCheckpoint? {
    try CheckpointQuery.read(connection).first { $0.partition == partition }
  }

  /// How far each partition's log is contained in the tables, by partition.
  ///
  /// - Throws: ``DatabaseError``.
  public func checkpoints() throws(DatabaseError) -> [StoredCheckpoint] {
    try CheckpointQuery.read(connection)
  }

  /// Runs queries on one unchanging state of all tables (`REPEATABLE READ READ ONLY`).
  ///
  /// Keep it short on a busy server: what it can see cannot be cleaned up meanwhile.
  ///
  /// - Parameter body: asks the questions; an error that it throws is thrown on.
  /// - Throws: ``DatabaseError``, or what the body throws.
  public func snapshot<Result>(_ body: (RollupSnapshot) throws -> Result) throws -> Result {
    do {
      try connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
      let result = try body(RollupSnapshot(connection: connection))
      try connection.execute("COMMIT")
      return result
    } catch {
      rollBack()
      if let error = error as? PostgresError { throw DatabaseError(error) }
      throw error
    }
  }

  /// Ends a transaction that failed, if the session is alive to be told.
  func rollBack() {
    if connection.isInTransaction { _ = try? connection.execute("ROLLBACK") }
  }
}
