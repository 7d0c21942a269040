internal import Postgres
public import Wire

extension RollupDatabase {
  /// Jobs, the latest first.
  ///
  /// - Parameters:
  ///   - state: only those that stand there; nil for all.
  ///   - limit: how many at most.
  public func jobs(in state: JobState? = nil, limit: Int) throws(DatabaseError) -> [StoredJob] {
    try jobs(
      "SELECT", from: "WHERE $1::text IS NULL OR state = $1 ORDER BY job_id DESC LIMIT $2",
      [state?.rawValue, "\(limit)"])
  }

  /// One job, or nil if there is none of that number.
  public func job(_ id: Int64) throws(DatabaseError) -> StoredJob? {
    try jobs("SELECT", from: "WHERE job_id = $1", ["\(id)"]).first
  }

  /// Lets a job that was given up be tried again, with all its attempts.
  ///
  /// - Returns: the job as it stands now; nil if it had not been given up.
  public func retryJob(_ id: Int64) throws(DatabaseError) -> StoredJob? {
    try jobs(
      """
      UPDATE weighbridge.jobs SET state = 'waiting', attempts = 0, finished_at = NULL,
        next_attempt_at = clock_timestamp()
      WHERE job_id = $1 AND state = 'failed'
      RETURNING
      """, ["\(id)"]
    ).first
  }

  /// How many jobs of an installation stand where.
  public func jobCounts(of installation: InstallationID) throws(DatabaseError) -> JobCounts {
    do throws(PostgresError) {
      let rows = try connection.execute(
        """
        SELECT count(*) FILTER (WHERE state = 'waiting'), count(*) FILTER (WHERE state = 'running'),
          count(*) FILTER (WHERE state = 'failed'),
          count(*) FILTER (WHERE state = 'failed' AND schedule IS NOT NULL)
        FROM weighbridge.jobs WHERE state <> 'done' AND installation = $1
        """, ["\(UUIDText(bits: installation.bits))"])
      var counts = JobCounts()
      counts.waiting = try rows.integer(0, 0)
      counts.running = try rows.integer(0, 1)
      counts.failed = try rows.integer(0, 2)
      counts.failedOfSchedules = try rows.integer(0, 3)
      return counts
    } catch {
      throw DatabaseError(error)
    }
  }

  /// What a run has finalized, counted from the periods that carry its id.
  ///
  /// - Parameter run: the job's id.
  /// - Returns: the tenants, the periods, and the records in them.
  public func finalized(
    by run: Int64
  ) throws(DatabaseError) -> (tenants: Int, periods: Int, records: Int64) {
    do throws(PostgresError) {
      let rows = try connection.execute(
        """
        SELECT count(DISTINCT tenant), count(*), coalesce(sum(records), 0)::bigint
        FROM weighbridge.billing_periods WHERE run_id = $1
        """, [String(run)])
      return (try rows.integer(0, 0), try rows.integer(0, 1), try rows.integer(0, 2))
    } catch {
      throw DatabaseError(error)
    }
  }

  /// Runs a statement that ends before the list of columns.
  ///
  /// - Parameters:
  ///   - statement: up to `SELECT` or `RETURNING`.
  ///   - rest: what follows the columns and the table of a `SELECT`.
  func jobs(
    _ statement: String, from rest: String? = nil, _ parameters: [String?]
  ) throws(DatabaseError) -> [StoredJob] {
    let end = rest.map { "FROM weighbridge.jobs \($0)" } ?? ""
    do throws(PostgresError) {
      let rows = try connection.execute(
        """
        \(statement) job_id, kind, arguments, schedule, \(Self.milliseconds("scheduled_at")), state,
          attempts, maximum_attempts, \(Self.milliseconds("next_attempt_at")), last_error, result,
          created_by, \(Self.milliseconds("created_at")), \(Self.milliseconds("started_at")),
          \(Self.milliseconds("finished_at")) \(end)
        """, parameters)
      var found: [StoredJob] = []
      for row in 0..<rows.count { found.append(try Self.job(rows, row)) }
      return found
    } catch {
      throw DatabaseError(error)
    }
  }

  private static func milliseconds(_ column: String) -> String {
    "floor(extract(epoch FROM \(column)) * 1000)::bigint"
  }

  private static func job(_ rows: PostgresRows, _ row: Int) throws(PostgresError) -> StoredJob {
    guard let state = JobState(rawValue: rows.text(row, 5)) else {
      fatalError("BUG: a job stands where none can stand")
    }
    return StoredJob(
      id: try rows.integer(row, 0), kind: rows.text(row, 1), arguments: rows.text(row, 2),
      schedule: rows.optionalText(row, 3),
      scheduled: Timestamp(milliseconds: try rows.integer(row, 4)), state: state,
      attempts: try rows.integer(row, 6), maximumAttempts: try rows.integer(row, 7),
      nextAttempt: try time(rows, row, 8), lastError: rows.optionalText(row, 9),
      result: rows.optionalText(row, 10), createdBy: rows.text(row, 11),
      created: Timestamp(milliseconds: try rows.integer(row, 12)),
      started: try time(rows, row, 13), finished: try time(rows, row, 14))
  }

  private static func time(
    _ rows: PostgresRows, _ row: Int, _ column: Int
  ) throws(PostgresError) -> Timestamp? {
    rows.isNull(row, column) ? nil : Timestamp(milliseconds: try rows.integer(row, column))
  }
}
