import Foundation
import Metering
import Postgres
import SegmentLog
import Synchronization
import Testing
import Wire

@testable import Database

@Suite("Jobs")
struct JobTests {
  static let installation = BatchMaker().installation
  private let kinds = ["finalize", "verify"]
  private let scratch: ScratchDatabase
  private let database: RollupDatabase

  init() throws {
    scratch = try ScratchDatabase()
    database = try scratch.rollups()
  }

  private func insert(
    _ kind: String = "finalize", attempts: Int = 3, arguments: String = "{}"
  ) throws -> Int64 {
    try database.insertJob(
      NewJob(kind: kind, arguments: arguments, maximumAttempts: attempts, createdBy: "olga"),
      of: Self.installation)
  }

  private func claim(by runner: UInt128 = 1, kinds: [String]? = nil) throws -> StoredJob? {
    try database.claimJob(ofKinds: kinds ?? self.kinds, of: Self.installation, by: runner)
  }

  /// Lets whatever waits be due.
  private func skipDelays() throws {
    try scratch.administrator().execute(
      "UPDATE weighbridge.jobs SET next_attempt_at = now() WHERE state = 'waiting'")
  }

  @Test("a job is put in, taken, done and kept with its result")
  func life() throws {
    let id = try insert(arguments: #"{"period": "2026-01"}"#)
    let waiting = try #require(try database.job(id))
    #expect(waiting.state == .waiting && waiting.attempts == 0 && waiting.createdBy == "olga")
    #expect(waiting.arguments == #"{"period": "2026-01"}"# && waiting.nextAttempt != nil)
    let job = try #require(try claim())
    #expect(job.id == id && job.state == .running && job.attempts == 1)
    #expect(job.started != nil && job.nextAttempt == nil)
    #expect(try claim() == nil)
    let done = try database.endJob(job, by: 1, .done, result: #"{"rows": 7}"#)
    #expect(done?.state == .done && done?.result == #"{"rows": 7}"# && done?.finished != nil)
    #expect(try database.job(id) == done)
    #expect(try claim() == nil)
    #expect(try database.job(id + 1) == nil)
  }

  @Test("only jobs of the runner's kinds and installation are taken, the one due longest first")
  func order() throws {
    let export = try insert("export")
    let ids = [try insert("verify"), try insert(), try insert("verify")]
    let other = InstallationID(bits: 5)
    #expect(try database.claimJob(ofKinds: kinds, of: other, by: 1) == nil)
    #expect(try claim(kinds: ["finalize"])?.id == ids[1])
    #expect(try claim()?.id == ids[0])
    #expect(try claim()?.id == ids[2])
    #expect(try claim() == nil)
    #expect(try database.job(export)?.state == .waiting)
    #expect(try database.jobs(limit: 2).map(\.id) == [ids[2], ids[1]])
    #expect(try database.jobs(in: .waiting, limit: 9).map(\.id) == [export])
    let counts = try database.jobCounts(of: Self.installation)
    #expect(counts.waiting == 1 && counts.running == 3 && counts.failed == 0)
    #expect(try database.jobCounts(of: other) == JobCounts())
  }

  @Test("a failed attempt waits for its delay; after the last one the job is given up")
  func attempts() throws {
    let id = try insert(attempts: 2)
    let first = try #require(try claim())
    let failed = try #require(
      try database.endJob(first, by: 1, .failed("no", retryAfter: 3_600_000), result: "{}"))
    #expect(failed.state == .waiting && failed.attempts == 1 && failed.lastError == "no")
    let now = Int64(Date().timeIntervalSince1970 * 1_000)
    let delay = try #require(failed.nextAttempt).milliseconds - now
    #expect((3_500_000...3_600_000).contains(delay), "\(delay)")
    #expect(try claim() == nil)
    try skipDelays()
    let second = try #require(try claim())
    #expect(second.attempts == 2)
    let dead = try database.endJob(second, by: 1, .failed("again", retryAfter: 0), result: nil)
    #expect(dead?.state == .failed && dead?.lastError == "again" && dead?.finished != nil)
    #expect(dead?.result == "{}")
    #expect(try claim() == nil)
    #expect(try database.jobCounts(of: Self.installation).failed == 1)

    let retried = try #require(try database.retryJob(id))
    #expect(retried.state == .waiting && retried.attempts == 0 && retried.finished == nil)
    #expect(try database.retryJob(id) == nil)
    let third = try #require(try claim())
    let last = try database.endJob(third, by: 1, .givenUp("for good"), result: nil)
    #expect(last?.state == .failed && last?.attempts == 1)
  }

  @Test("a postponed attempt does not count")
  func postponed() throws {
    _ = try insert(attempts: 1)
    for _ in 0..<3 {
      let job = try #require(try claim())
      #expect(job.attempts == 1)
      let back = try database.endJob(job, by: 1, .postponed("away", retryAfter: 0), result: nil)
      #expect(back?.state == .waiting && back?.attempts == 0 && back?.lastError == "away")
    }
  }

  @Test("who died while it ran left a job that is taken again, and its attempt counts")
  func takenOver() throws {
    let id = try insert(attempts: 2)
    let lost = try #require(try claim(by: 1))
    let mine = try insert("verify")
    _ = try claim(by: 2)
    // The process of runner 1 is gone; runner 2 begins.
    #expect(try database.takeOverJobs(of: InstallationID(bits: 5), by: 2).isEmpty)
    let taken = try database.takeOverJobs(of: Self.installation, by: 2, keeping: [mine])
    #expect(taken.map(\.id) == [id] && taken.first?.state == .waiting)
    #expect(taken.first?.attempts == 1 && taken.first?.lastError?.contains("ended") == true)
    #expect(try database.job(mine)?.state == .running)
    let again = try #require(try claim(by: 2))
    #expect(again.id == id && again.attempts == 2)
    // What the dead one still had on its way changes nothing.
    #expect(try database.endJob(lost, by: 1, .done, result: "{}") == nil)
    #expect(try database.job(id)?.state == .running)
    // It dies again, and that was its last attempt.
    let dead = try database.takeOverJobs(of: Self.installation, by: 3)
    #expect(dead.map(\.id).sorted() == [id, mine].sorted())
    #expect(try database.job(id)?.state == .failed)
    #expect(try database.job(mine)?.state == .waiting)
  }

  @Test("a job of which its runner never learnt that it has it is taken back")
  func lostClaims() throws {
    _ = try insert()
    let known = try #require(try claim())
    let lost = try insert("verify")
    _ = try claim()
    let taken = try database.takeOverJobs(of: Self.installation, by: 1, keeping: [known.id])
    #expect(taken.map(\.id) == [lost])
    #expect(try database.job(known.id)?.state == .running)
    #expect(try database.takeOverJobs(of: Self.installation, by: 1).map(\.id) == [known.id])
  }

  @Test("many connections take each job once, and none waits for another", .timeLimit(.minutes(3)))
  func manyRunners() throws {
    let (runners, jobs) = (16, 400)
    for _ in 0..<jobs { _ = try insert() }
    let taken = Mutex<[Int64: Int]>([:])
    let threads = (0..<runners).map { number in
      JoinableThread { [scratch] in
        let database = try scratch.rollups()
        while let job = try database.claimJob(
          ofKinds: ["finalize"], of: Self.installation, by: UInt128(number + 1))
        {
          taken.withLock { $0[job.id, default: 0] += 1 }
          let ended = try database.endJob(job, by: UInt128(number + 1), .done, result: "{}")
          #expect(ended?.state == .done)
        }
      }
    }
    for thread in threads { thread.start() }
    for thread in threads { try thread.join() }
    let counts = taken.withLock { $0 }
    #expect(counts.values.reduce(0, +) == jobs && counts.count == jobs)
    // Whoever holds a row does not keep others from the next one.
    let ids = [try insert(), try insert()]
    let holder = try scratch.administrator()
    try holder.execute("BEGIN")
    try holder.execute("SELECT 1 FROM weighbridge.jobs WHERE job_id = \(ids[0]) FOR UPDATE")
    #expect(try claim()?.id == ids[1])
    #expect(try claim() == nil)
    try holder.execute("ROLLBACK")
    #expect(try claim()?.id == ids[0])
  }

  private static func slots(_ hours: ClosedRange<Int64>) -> [NewJob] {
    hours.map {
      NewJob(
        kind: "verify", scheduled: Timestamp(milliseconds: $0 * 3_600_000), maximumAttempts: 1,
        createdBy: "schedule verify")
    }
  }

  @Test("a slot exists once, however many plan it at the same time", .timeLimit(.minutes(3)))
  func plannedOnce() throws {
    let start = Timestamp(milliseconds: 100 * 3_600_000)
    let end = Timestamp(milliseconds: 150 * 3_600_000)
    let first = try database.planJobs(
      ofSchedule: "verify", of: Self.installation, upTo: start
    ) { _ in
      Issue.record("a schedule begins when it is first planned")
      return []
    }
    #expect(first == start)
    let threads = (0..<8).map { _ in
      JoinableThread { [scratch] in
        let database = try scratch.rollups()
        let through = try database.planJobs(
          ofSchedule: "verify", of: Self.installation, upTo: end
        ) { planned in
          #expect(planned == start)
          return Self.slots(101...150)
        }
        #expect(through == end)
      }
    }
    for thread in threads { thread.start() }
    for thread in threads { try thread.join() }
    #expect(try database.jobs(limit: 999).count == 50)
    // Planning backwards plans nothing; another schedule has slots of its own.
    let earlier = try database.planJobs(
      ofSchedule: "verify", of: Self.installation, upTo: start
    ) { _ in Self.slots(1...2) }
    #expect(earlier == end)
    #expect(try database.jobs(limit: 999).count == 50)
    // Slots that are there already are passed over.
    _ = try database.planJobs(
      ofSchedule: "verify", of: Self.installation,
      upTo: Timestamp(milliseconds: 151 * 3_600_000)
    ) { _ in Self.slots(140...151) }
    #expect(try database.jobs(limit: 999).count == 51)
    #expect(try database.job(try #require(database.jobs(limit: 1).first).id)?.schedule == "verify")
  }

  @Test(
    "who plans beside another one waits for it, and then has nothing left", .timeLimit(.minutes(3)))
  func plannersInTurn() throws {
    let start = Timestamp(milliseconds: 100 * 3_600_000)
    let end = Timestamp(milliseconds: 150 * 3_600_000)
    _ = try database.planJobs(ofSchedule: "x", of: Self.installation, upTo: start) { _ in [] }
    let other = try scratch.administrator()
    try other.execute("BEGIN")
    // As a planner that has not written yet.
    try other.execute("SELECT 1 FROM weighbridge.job_schedules FOR UPDATE")
    let thread = JoinableThread { [scratch] in
      let through = try scratch.rollups().planJobs(
        ofSchedule: "x", of: Self.installation, upTo: Timestamp(milliseconds: 120 * 3_600_000)
      ) { _ in Self.slots(101...120) }
      #expect(through == end)
    }
    thread.start()
    let watcher = try scratch.administrator()
    while try watcher.execute(
      """
      SELECT 1 FROM pg_stat_activity WHERE datname = $1 AND wait_event_type = 'Lock'
      """, [scratch.name]
    ).count == 0 {}
    try other.execute("UPDATE weighbridge.job_schedules SET planned_through = $1", [end.text])
    try other.execute("COMMIT")
    try thread.join()
    #expect(try database.jobs(limit: 99).isEmpty)
  }

  @Test("a plan that fails plans nothing")
  func failedPlan() throws {
    let start = Timestamp(milliseconds: 100 * 3_600_000)
    _ = try database.planJobs(ofSchedule: "x", of: Self.installation, upTo: start) { _ in [] }
    var bad = Self.slots(101...102)
    bad[1].arguments = "[]"
    #expect(throws: DatabaseError.self) {
      try database.planJobs(
        ofSchedule: "x", of: Self.installation, upTo: Timestamp(milliseconds: 103 * 3_600_000)
      ) { _ in bad }
    }
    #expect(try database.jobs(limit: 9).isEmpty)
    let through = try database.planJobs(
      ofSchedule: "x", of: Self.installation, upTo: Timestamp(milliseconds: 103 * 3_600_000)
    ) { planned in
      #expect(planned == start)
      return Self.slots(101...102)
    }
    #expect(through.milliseconds == 103 * 3_600_000)
    #expect(try database.jobs(limit: 9).count == 2)
  }

  @Test("what a run has finalized is counted from the rows that carry its id")
  func finalizedByRun() throws {
    var maker = BatchMaker()
    let hour = Months.january.firstHour
    var batch = maker.next(
      rollups: [increment("a", hour), increment("b", hour), increment("c", hour)],
      finalizing: [("a", Months.january), ("b", Months.january)])
    batch.finalizations[0].run = 7
    batch.finalizations[1].run = 6
    _ = try database.flush(batch)
    let run = try database.finalized(by: 7)
    #expect(run == (tenants: 1, periods: 1, records: 1))
    #expect(try database.finalized(by: 6) == (tenants: 1, periods: 1, records: 1))
    #expect(try database.finalized(by: 70) == (tenants: 0, periods: 0, records: 0))
  }

  @Test("verifications and exports that were done 400 days ago are taken out, and nothing else")
  func oldJobs() throws {
    func end(_ kind: String, _ ending: JobEnding, days: Int) throws -> Int64 {
      let id = try insert(kind)
      let job = try #require(try claim(kinds: [kind]))
      #expect(job.id == id)
      _ = try database.endJob(job, by: 1, ending, result: "{}")
      try scratch.administrator().execute(
        """
        UPDATE weighbridge.jobs SET finished_at = now() - $1 * interval '1 day',
          scheduled_at = now() - $1 * interval '1 day' WHERE job_id = $2
        """, ["\(days)", "\(id)"])
      return id
    }
    let old = [try end("verify", .done, days: 401), try end("export", .done, days: 4_000)]
    let kept = [
      try end("finalize", .done, days: 4_000), try end("verify", .givenUp("no"), days: 4_000),
      try end("export", .givenUp("no"), days: 4_000), try end("verify", .done, days: 399),
      try end("export", .done, days: 0), try insert("verify"),
    ]
    #expect(try database.deleteOldJobs(of: InstallationID(bits: 5)) == 0)
    #expect(try database.jobs(limit: 99).count == old.count + kept.count)
    #expect(try database.deleteOldJobs(of: Self.installation) == old.count)
    #expect(try database.jobs(limit: 99).map(\.id) == kept.reversed())
    #expect(try database.deleteOldJobs(of: Self.installation) == 0)
  }

  @Test("the reader sees jobs and changes none; the service deletes none by itself")
  func rights() throws {
    _ = try insert()
    let reader = try scratch.reader()
    #expect(try reader.execute("SELECT * FROM weighbridge.jobs").count == 1)
    let service = try scratch.service()
    for (connection, statement) in [
      (reader, "UPDATE weighbridge.jobs SET state = 'done'"),
      (reader, "INSERT INTO weighbridge.jobs DEFAULT VALUES"),
      (reader, "SELECT * FROM weighbridge.jobs FOR UPDATE"),
      (reader, "SELECT * FROM weighbridge.job_schedules"),
      (reader, "SELECT weighbridge.delete_old_jobs('\(UUIDText(bits: 1))')"),
      (service, "DELETE FROM weighbridge.jobs"), (service, "TRUNCATE weighbridge.jobs"),
      (service, "DELETE FROM weighbridge.job_schedules"),
      (service, "ALTER TABLE weighbridge.jobs DROP COLUMN state"),
    ] {
      let error = #expect(throws: PostgresError.self, "\(statement)") {
        try connection.execute(statement)
      }
      #expect(error?.sqlState == "42501", "\(statement)")
    }
  }

  @Test(
    "no row stands between two states",
    arguments: [
      "state = 'running'", "state = 'done'", "next_attempt_at = NULL", "state = 'lost'",
      "runner = gen_random_uuid()", "finished_at = now()", "attempts = -1", "arguments = '3'",
    ])
  func states(change: String) throws {
    _ = try insert()
    let error = #expect(throws: PostgresError.self) {
      try scratch.administrator().execute("UPDATE weighbridge.jobs SET \(change)")
    }
    #expect(error?.sqlState == "23514")
  }
}
