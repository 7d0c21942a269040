internal import Postgres
internal import SegmentLog
public import Wire

extension RollupDatabase {
  /// Puts a job in that is due at once.
  ///
  /// - Returns: its number.
  public func insertJob(
    _ job: NewJob, of installation: InstallationID
  ) throws(DatabaseError) -> Int64 {
    do throws(PostgresError) {
      let rows = try connection.execute(
        """
        INSERT INTO weighbridge.jobs (installation, kind, arguments, scheduled_at,
          maximum_attempts, next_attempt_at, created_by)
        VALUES ($1, $2, $3, coalesce($4, now()), $5, now(), $6) RETURNING job_id
        """,
        [
          Self.text(installation), job.kind, job.arguments, job.scheduled?.text,
          "\(job.maximumAttempts)", job.createdBy,
        ])
      return try rows.integer(0, 0)
    } catch {
      throw DatabaseError(error)
    }
  }

  /// Puts in what is due of a schedule, once, whoever else does the same.
  ///
  /// - Parameters:
  ///   - schedule: its name.
  ///   - installation: whose it is.
  ///   - time: up to which slots are due; a schedule that was never planned begins here.
  ///   - slots: gives the jobs of the slots after a time, each with its `scheduled` time.
  /// - Returns: up to which time it is planned now.
  public func planJobs(
    ofSchedule schedule: String, of installation: InstallationID, upTo time: Timestamp,
    slots: (Timestamp) -> [NewJob]
  ) throws(DatabaseError) -> Timestamp {
    do {
      try connection.execute("BEGIN ISOLATION LEVEL READ COMMITTED")
      let key = [Self.text(installation), schedule]
      try connection.execute(
        """
        INSERT INTO weighbridge.job_schedules (installation, schedule, planned_through)
        VALUES ($1, $2, $3) ON CONFLICT DO NOTHING
        """, key + [time.text])
      // Whoever plans the same schedule waits here, and then has nothing left to do.
      let rows = try connection.execute(
        """
        SELECT (extract(epoch FROM planned_through) * 1000)::bigint
        FROM weighbridge.job_schedules WHERE installation = $1 AND schedule = $2 FOR UPDATE
        """, key)
      let planned = Timestamp(milliseconds: try rows.integer(0, 0))
      guard planned < time else {
        try connection.execute("COMMIT")
        return planned
      }
      for job in slots(planned) {
        try connection.execute(
          """
          INSERT INTO weighbridge.jobs (installation, schedule, kind, arguments, scheduled_at,
            maximum_attempts, next_attempt_at, created_by)
          VALUES ($1, $2, $3, $4, $5, $6, now(), $7) ON CONFLICT DO NOTHING
          """,
          key + [
            job.kind, job.arguments, job.scheduled?.text, "\(job.maximumAttempts)", job.createdBy,
          ])
      }
      try connection.execute(
        """
        UPDATE weighbridge.job_schedules SET planned_through = $3
        WHERE installation = $1 AND schedule = $2
        """, key + [time.text])
      try connection.execute("COMMIT")
      return time
    } catch {
      rollBack()
      throw DatabaseError(any: error)
    }
  }

  /// Takes a job that is due, the one that waits longest; two runners never take the same one.
  ///
  /// - Parameters:
  ///   - kinds: what the runner can do now.
  ///   - installation: whose jobs.
  ///   - runner: who takes it.
  /// - Returns: the job in state running with its attempt counted; nil if none is due.
  public func claimJob(
    ofKinds kinds: [String], of installation: InstallationID, by runner: UInt128
  ) throws(DatabaseError) -> StoredJob? {
    try jobs(
      """
      UPDATE weighbridge.jobs SET state = 'running', runner = $2, attempts = attempts + 1,
        started_at = clock_timestamp(), next_attempt_at = NULL
      WHERE job_id = (
        SELECT job_id FROM weighbridge.jobs
        WHERE state = 'waiting' AND next_attempt_at <= clock_timestamp() AND installation = $1
          AND kind = ANY (string_to_array($3, ','))
        ORDER BY next_attempt_at, job_id LIMIT 1 FOR UPDATE SKIP LOCKED)
      RETURNING
      """,
      [Self.text(installation), "\(UUIDText(bits: runner))", kinds.joined(separator: ",")]
    ).first
  }

  /// Writes down how an attempt ended.
  ///
  /// - Parameters:
  ///   - job: the job as it was claimed.
  ///   - runner: who claimed it.
  ///   - ending: how.
  ///   - result: what it came to, as a JSON object; nil keeps what an attempt before came to.
  /// - Returns: the job as it stands now; nil if the attempt is this runner's no more, and nothing
  ///   was written.
  public func endJob(
    _ job: StoredJob, by runner: UInt128, _ ending: JobEnding, result: String?
  ) throws(DatabaseError) -> StoredJob? {
    let (state, error, delay, counts) =
      switch ending {
      case .done: ("done", nil as String?, 0 as Int64, true)
      case .givenUp(let error): ("failed", error, 0, true)
      case .failed(let error, let delay):
        (job.attempts < job.maximumAttempts ? "waiting" : "failed", error, delay, true)
      case .postponed(let error, let delay): ("waiting", error, delay, false)
      }
    return try jobs(
      """
      UPDATE weighbridge.jobs SET state = $4, runner = NULL, last_error = $5,
        attempts = attempts - $6, result = coalesce($7, result),
        next_attempt_at = CASE WHEN $4 = 'waiting'
          THEN clock_timestamp() + $8 * interval '1 millisecond' END,
        finished_at = CASE WHEN $4 <> 'waiting' THEN clock_timestamp() END
      WHERE job_id = $1 AND state = 'running' AND runner = $2 AND attempts = $3
      RETURNING
      """,
      [
        "\(job.id)", "\(UUIDText(bits: runner))", "\(job.attempts)", state, error,
        counts ? "0" : "1", result, "\(delay)",
      ]
    ).first
  }

  /// Takes the running jobs of an installation back that nobody runs: those of other runners, which
  /// have ended, since the data directory lets only one service run; and those of which this runner
  /// never learnt that it has them, because its connection was lost.
  ///
  /// An attempt that was cut off counts: what ends the process each time is given up in the end.
  ///
  /// - Parameters:
  ///   - installation: whose jobs.
  ///   - runner: who asks.
  ///   - kept: the jobs that it does run.
  /// - Returns: the jobs as they stand now.
  public func takeOverJobs(
    of installation: InstallationID, by runner: UInt128, keeping kept: [Int64] = []
  ) throws(DatabaseError) -> [StoredJob] {
    try jobs(
      """
      UPDATE weighbridge.jobs SET
        state = CASE WHEN attempts < maximum_attempts THEN 'waiting' ELSE 'failed' END,
        next_attempt_at = CASE WHEN attempts < maximum_attempts THEN clock_timestamp() END,
        finished_at = CASE WHEN attempts < maximum_attempts THEN NULL ELSE clock_timestamp() END,
        runner = NULL,
        last_error = 'the attempt was cut off: the service or its connection had ended'
      WHERE state = 'running' AND installation = $1
        AND NOT (runner = $2 AND job_id = ANY ($3::bigint[]))
      RETURNING
      """,
      [
        Self.text(installation), "\(UUIDText(bits: runner))",
        "{\(kept.map(String.init).joined(separator: ","))}",
      ])
  }

  /// Takes out the jobs that verified or exported, and were done 400 days ago. Others stay.
  ///
  /// - Parameter installation: whose jobs.
  /// - Returns: how many.
  @discardableResult
  public func deleteOldJobs(of installation: InstallationID) throws(DatabaseError) -> Int {
    do throws(PostgresError) {
      let rows = try connection.execute(
        "SELECT weighbridge.delete_old_jobs($1)", [Self.text(installation)])
      return try rows.integer(0, 0)
    } catch {
      throw DatabaseError(error)
    }
  }

  private static func text(_ installation: InstallationID) -> String {
    "\(UUIDText(bits: installation.bits))"
  }
}
