internal import Database
internal import EventLoop
internal import Foundation
internal import Logging
internal import Metering
internal import SegmentLog
internal import Synchronization
internal import Wire

/// Finds due jobs in Postgres and has them done, one of each kind at a time.
///
/// A timer of the control loop calls ``look(_:)``; the asking of Postgres happens on a queue of its
/// own, on a connection of its own. A Postgres that is away is waited for.
final class JobRunner: Sendable {
  /// What is known of the jobs, for status.
  struct Status: Sendable {
    var counts = JobCounts()
    /// Why Postgres could not be asked the last time.
    var lastError: String?
  }

  private struct Shared {
    var status = Status()
    var isLooking = false
    var isStopped = false
  }

  /// An attempt that is under way.
  private struct Attempt {
    var job: StoredJob
    var kind: JobKind
    /// When it began, in milliseconds of the monotonic clock.
    var began: Int64
  }

  /// What only the queue uses.
  private struct State {
    var database: RollupDatabase?
    var attempts: [JobKind: Attempt] = [:]
    /// Attempts that have ended, and are not written down yet.
    var ended: [(attempt: Attempt, report: JobReport, milliseconds: Int64)] = []
    /// The next slot of each schedule that was planned; absent: none for ever.
    var planned: [String: Timestamp?] = [:]
    /// How often was looked since the jobs were counted.
    var looks = 0
  }

  /// How often the jobs are counted anew if nothing happens, in looks.
  private static let countEvery = 10

  private let access: DatabaseAccess
  private let installation: InstallationID
  private let schedules: [JobSchedule]
  private let maximumAttempts: Int
  private let logger: Logger
  /// This process.
  private let runner: UInt128
  private let queue = DispatchQueue(label: "jobs")
  private let shared = Mutex(Shared())
  nonisolated(unsafe) private let handlers: [JobKind: JobHandler]
  nonisolated(unsafe) private var state = State()

  init(
    _ access: DatabaseAccess, of installation: InstallationID,
    configuration: ServerConfiguration, handlers: [JobKind: JobHandler], logger: Logger
  ) {
    self.access = access
    self.installation = installation
    self.logger = logger
    unsafe self.handlers = handlers
    schedules = JobSchedule.all(of: configuration.jobs, calendars: configuration.calendars)
    maximumAttempts = configuration.jobs.attempts
    var random = SystemRandomNumberGenerator()
    runner = UInt128(random.next()) << 64 | UInt128(random.next())
  }

  /// What is known now.
  var status: Status { shared.withLock { $0.status } }

  /// Looks for due jobs, unless it still does.
  ///
  /// - Parameter time: the ledger's time, by which schedules go.
  func look(_ time: Timestamp) {
    let begins = shared.withLock { shared in
      guard !shared.isStopped, !shared.isLooking else { return false }
      shared.isLooking = true
      return true
    }
    guard begins else { return }
    queue.async { [self] in
      pass(time)
      shared.withLock { $0.isLooking = false }
    }
  }

  /// Begins no more jobs.
  func pause() { shared.withLock { $0.isStopped = true } }

  /// Gives back what is under way: the next start takes it at once, and the attempt does not count.
  ///
  /// - Parameter patience: seconds to wait for Postgres. Without it the next start takes the jobs
  ///   over as those of a runner that died.
  func stop(patience: Double) {
    pause()
    let ended = DispatchSemaphore(value: 0)
    queue.async { [self] in
      giveBack()
      unsafe state.database = nil
      ended.signal()
    }
    _ = ended.wait(timeout: .now() + patience)
  }

  private func giveBack() {
    guard let database = unsafe state.database else { return }
    do throws(DatabaseError) {
      try writeEnded(database)
      for attempt in unsafe state.attempts.values {
        _ = try database.endJob(
          attempt.job, by: runner, .postponed("the service was stopped", retryAfter: 0),
          result: nil)
      }
      unsafe state.attempts.removeAll()
    } catch {
      logger.warning("jobs not given back", metadata: ["error": "\(error)"])
    }
  }

  // MARK: On the queue

  private func pass(_ time: Timestamp) {
    do throws(DatabaseError) {
      let database = try connected()
      var isChanged = try writeEnded(database)
      isChanged = try plan(time, database) || isChanged
      isChanged = try startDue(database) || isChanged
      try count(database, isChanged: isChanged)
    } catch {
      if error.isConnectionLost { unsafe state.database = nil }
      if status.lastError == nil {
        logger.warning("jobs cannot be asked for; they wait", metadata: ["error": "\(error)"])
      }
      shared.withLock { $0.status.lastError = "\(error)" }
    }
  }

  private func connected() throws(DatabaseError) -> RollupDatabase {
    if let database = unsafe state.database, database.isOpen { return database }
    let made = try access.open()
    try takeOver(made)
    unsafe state.database = made
    return made
  }

  private func takeOver(_ database: RollupDatabase) throws(DatabaseError) {
    let kept = unsafe state.attempts.values.map(\.job.id)
    for job in try database.takeOverJobs(of: installation, by: runner, keeping: kept) {
      logger.warning(
        job.state == .failed
          ? "a job was given up: its last attempt was cut off"
          : "a job is taken again: its attempt was cut off",
        metadata: ["job": "\(job.id)", "kind": "\(job.kind)", "attempts": "\(job.attempts)"])
    }
  }

  private func plan(
    _ time: Timestamp, _ database: RollupDatabase
  ) throws(DatabaseError) -> Bool {
    var isChanged = false
    for schedule in schedules {
      let due = schedule.due(at: time)
      if let next = unsafe state.planned[schedule.name] {
        guard let next, next <= due else { continue }
      }
      let planned = try database.planJobs(
        ofSchedule: schedule.name, of: installation, upTo: due
      ) { schedule.jobs(after: $0, upTo: due, attempts: maximumAttempts) }
      unsafe state.planned[schedule.name] = .some(schedule.cron.next(after: planned))
      isChanged = true
    }
    return isChanged
  }

  private func startDue(_ database: RollupDatabase) throws(DatabaseError) -> Bool {
    var isChanged = false
    while true {
      let free = unsafe handlers.keys.filter { unsafe state.attempts[$0] == nil }
      guard !free.isEmpty, !shared.withLock({ $0.isStopped }),
        let job = try database.claimJob(
          ofKinds: free.map(\.rawValue).sorted(), of: installation, by: runner),
        let kind = JobKind(rawValue: job.kind), let handler = unsafe handlers[kind]
      else { return isChanged }
      isChanged = true
      let attempt = Attempt(job: job, kind: kind, began: EventLoop.monotonicMilliseconds())
      unsafe state.attempts[kind] = attempt
      logger.info(
        "job begins",
        metadata: [
          "job": "\(job.id)", "kind": "\(job.kind)", "arguments": "\(job.arguments)",
          "attempt": "\(job.attempts) of \(job.maximumAttempts)",
        ])
      let report: @Sendable (JobReport) -> Void = { [self] report in
        let end = EventLoop.monotonicMilliseconds()
        queue.async { [self] in finish(attempt, report, at: end) }
      }
      guard let arguments = JobArguments(text: job.arguments) else {
        report(JobReport(.givenUp("the arguments cannot be read: \(job.arguments)")))
        continue
      }
      handler(
        JobRun(
          id: job.id, arguments: arguments, operatorName: "job \(job.id) of \(job.createdBy)"),
        report)
    }
  }

  private func finish(_ attempt: Attempt, _ report: JobReport, at end: Int64) {
    guard unsafe state.attempts[attempt.kind]?.job.id == attempt.job.id else { return }
    unsafe state.ended.append((attempt, report, end - attempt.began))
    guard let database = unsafe state.database, database.isOpen else { return }
    do throws(DatabaseError) {
      try writeEnded(database)
      try count(database, isChanged: true)
    } catch {
      // The next look writes it.
      if error.isConnectionLost { unsafe state.database = nil }
    }
  }

  /// Writes down what has ended, and takes old jobs out; whatever could not be written stays.
  @discardableResult
  private func writeEnded(_ database: RollupDatabase) throws(DatabaseError) -> Bool {
    var isChanged = false
    while let (attempt, report, milliseconds) = unsafe state.ended.first {
      var summary = try report.summarize(database)
      summary.seconds = Double(milliseconds) / 1_000
      let job = try database.endJob(
        attempt.job, by: runner, ending(report.ending, attempt.job), result: summary.text)
      unsafe state.ended.removeFirst()
      unsafe state.attempts[attempt.kind] = nil
      isChanged = true
      note(job, attempt, report, summary)
    }
    if isChanged { try database.deleteOldJobs(of: installation) }
    return isChanged
  }

  private func ending(_ ending: JobReport.Ending, _ job: StoredJob) -> JobEnding {
    var random = SystemRandomNumberGenerator()
    let delay = JobBackoff.delay(afterFailures: job.attempts, using: &random)
    return switch ending {
    case .done: .done
    case .failed(let error): .failed(error, retryAfter: delay)
    case .givenUp(let error): .givenUp(error)
    case .postponed(let error): .postponed(error, retryAfter: delay)
    }
  }

  private func note(
    _ job: StoredJob?, _ attempt: Attempt, _ report: JobReport, _ summary: JobSummary
  ) {
    guard let job else {
      logger.error(
        "the end of an attempt is dropped: it is written already, or counted as cut off",
        metadata: ["job": "\(attempt.job.id)"])
      return
    }
    var metadata: Logger.Metadata = [
      "job": "\(job.id)", "kind": "\(job.kind)", "state": "\(job.state.rawValue)",
      "tenants": "\(summary.tenants)", "rows": "\(summary.rows)", "seconds": "\(summary.seconds)",
    ]
    if let error = job.lastError { metadata["error"] = "\(error)" }
    if let next = job.nextAttempt { metadata["next_attempt"] = "\(next.text)" }
    switch job.state {
    case .done: logger.notice("job done", metadata: metadata)
    case .failed: logger.error("job given up", metadata: metadata)
    case .waiting, .running: logger.warning("job failed; it is tried again", metadata: metadata)
    }
  }

  private func count(
    _ database: RollupDatabase, isChanged: Bool
  ) throws(DatabaseError) {
    unsafe state.looks += 1
    guard unsafe isChanged || state.looks >= Self.countEvery || status.lastError != nil else {
      return
    }
    let counts = try database.jobCounts(of: installation)
    unsafe state.looks = 0
    shared.withLock { shared in
      shared.status = Status(counts: counts, lastError: nil)
    }
  }
}
