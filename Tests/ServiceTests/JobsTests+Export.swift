import Foundation
import Metering
import Postgres
import Testing
import Wire

@testable import Server

extension JobsTests {
  /// A tenant whose name is no file's name.
  private static let tenant = "a/b ü"

  private var exports: String { "\(service.data)/exports" }

  /// Starts the service with usage of a month, finalized by a job.
  private func prepare() throws {
    try service.start()
    try send(1, "acme", in: month)
    try send(2, "acme", in: month)
    try send(3, Self.tenant, in: month)
    let finalized = try jobs("run", "finalize", "--period", month.text)
    #expect(finalized.status == 0, "\(finalized)")
  }

  private func export(_ arguments: String...) throws -> Job {
    try decode(jobs(["run", "export", "--json", "--period", month.text] + arguments).output)
  }

  private func text(_ path: String) throws -> String {
    try String(contentsOfFile: path, encoding: .utf8)
  }

  /// What `weighbridge export` prints.
  private func printed(_ arguments: String...) throws -> String {
    let result = try service.run(
      ["export"] + arguments + ["--period", month.text, "--data-directory", service.data]
        + service.databaseArguments)
    #expect(result.status == 0, "\(result)")
    return result.output
  }

  @Test("an export puts a whole file in place and counts what is in it", .timeLimit(.minutes(3)))
  func exportsOfAFinalizedPeriod() throws {
    try prepare()
    let before = try all()
    let dry = try jobs("run", "export", "--period", month.text, "--dry-run")
    #expect(dry.status == 0 && dry.output.contains("acme    export"), "\(dry)")
    #expect(try all().count == before.count && !FileManager.default.fileExists(atPath: exports))

    let job = try export()
    let path = "\(exports)/\(month.text)-rollups.csv"
    #expect(job.state == "done" && job.result?.file == path, "\(job)")
    #expect(job.result?.records == 3 && job.result?.tenants == 2, "\(job)")
    let rollups = try text(path)
    #expect(try rollups == printed("rollups"))
    #expect(job.result?.rows == rollups.split(separator: "\n").count - 1)
    #expect(try FileStatus(of: path).modeText == "0600" && FileStatus(of: exports).isPrivate)

    try "something else".write(toFile: path, atomically: true, encoding: .utf8)
    #expect(try export().state == "done")
    #expect(try text(path) == rollups)

    let one = try export(
      "--tenant", Self.tenant, "--what", "records", "--format", "ndjson", "--compress", "none")
    let records = "\(exports)/\(month.text)-records-a%2fb%20%c3%bc.ndjson"
    #expect(one.result?.file == records && one.result?.rows == 1, "\(one)")
    #expect(one.result?.records == 1 && one.result?.tenants == 1, "\(one)")
    #expect(
      try text(records) == printed("records", "--tenant", Self.tenant, "--format", "ndjson"))
    let late = try export("--what", "adjustments", "--compress", "gzip")
    #expect(late.result?.rows == 0 && late.result?.tenants == 0, "\(late)")
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: exports).sorted() == [
        "\(month.text)-adjustments.csv.gz", "\(month.text)-records-a%2fb%20%c3%bc.ndjson",
        "\(month.text)-rollups.csv",
      ])
  }

  @Test("an export that cannot be written says why, and is tried again", .timeLimit(.minutes(3)))
  func exportDirectoryIsAFile() throws {
    try prepare()
    try "mine".write(toFile: exports, atomically: true, encoding: .utf8)
    let run = try jobs("run", "export", "--period", month.text, "--json")
    let waiting: Job = try decode(run.output)
    #expect(run.status == 1 && waiting.state == "waiting" && waiting.attempts == 1, "\(run)")
    #expect(
      waiting.lastError
        == "cannot create \(exports)/\(month.text)-rollups.csv.part: Not a directory", "\(waiting)")
    #expect(try text(exports) == "mine")
    try FileManager.default.removeItem(atPath: exports)
    try skipDelays()
    let done = try wait(for: waiting.id, "done")
    #expect(done.attempts == 2 && done.result?.records == 3 && done.lastError == nil, "\(done)")
  }

  @Test(
    "an export leaves the reserve of the disk free", .timeLimit(.minutes(3)),
    .enabled(if: SmallDisk.obstacle == nil, "\(SmallDisk.obstacle ?? "")"))
  func exportOnAFullDisk() throws {
    let disk = try SmallDisk(megabytes: 96)
    let service = ServiceProcess(
      ["--acceptance-back", "70d", "--dedup-window", "71d", "--jobs-verify", "none"],
      enter: disk.enter, database: database)
    service.set("--jobs-export-directory", "\(disk.path)/billing")
    let tests = try JobsTests(database, service)
    try tests.prepare()
    try disk.fill(toFree: 63 << 20)
    let waiting = try tests.export()
    #expect(waiting.state == "waiting", "\(waiting)")
    #expect(waiting.lastError?.hasSuffix("are free on its disk, and 67108864 stay free") == true)
    try disk.clear()
    try tests.skipDelays()
    let done = try tests.wait(for: waiting.id, "done")
    #expect(done.result?.file == "\(disk.path)/billing/\(month.text)-rollups.csv")
  }

  @Test(
    "an export that was cut off is begun anew; meanwhile the service answers",
    .timeLimit(.minutes(3)))
  func exportKilledWhileItRuns() throws {
    try prepare()
    let blocker = try database.administrator()
    try blocker.execute("BEGIN")
    try blocker.execute("LOCK TABLE weighbridge.usage_hourly IN ACCESS EXCLUSIVE MODE")
    let run = try jobs("run", "export", "--period", month.text, "--no-wait")
    #expect(run.status == 0, "\(run)")
    let id = try #require(try all().first).id
    try service.wait("running") { try service.status().jobs.running == 1 }
    try service.wait("a part") {
      FileManager.default.fileExists(atPath: "\(exports)/\(month.text)-rollups.csv.part")
    }
    service.kill()
    try blocker.execute("COMMIT")
    try service.start()
    let done = try wait(for: id, "done")
    #expect(done.attempts == 2 && done.result?.records == 3, "\(done)")
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: exports) == [
        "\(month.text)-rollups.csv"
      ])
  }

  @Test("a scheduled export waits for the finalize of its period", .timeLimit(.minutes(5)))
  func scheduledExports() throws {
    try service.start()
    try send(1, "acme", in: month)
    try service.flush()
    // As two schedules put them in.
    for what in ["rollups", "adjustments"] {
      try database.administrator().execute(
        """
        INSERT INTO weighbridge.jobs (installation, schedule, kind, arguments, scheduled_at,
          maximum_attempts, next_attempt_at, created_by)
        SELECT installation, 'export ' || $1, 'export', $2, now(), 8, now(), 'schedule'
        FROM weighbridge.checkpoints
        """,
        [what, JobArguments(period: month.text, what: ExportTable(rawValue: what)).text])
    }
    let error = "period \(month.text) is not finalized, and may still change: it is open for acme"
    try service.wait("both refused") { try all().count { $0.lastError == error } == 2 }
    #expect(try FileManager.default.contentsOfDirectory(atPath: exports).isEmpty)
    #expect(try jobs("run", "finalize", "--period", month.text).status == 0)
    try skipDelays()
    try service.wait("both done") { try all().count { $0.state == "done" } == 3 }
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: exports).sorted() == [
        "\(month.text)-adjustments.csv", "\(month.text)-rollups.csv",
      ])
  }
}
