import ArgumentParser
import Database
import Foundation
import Metering
import Server

extension Jobs {
  /// `weighbridge jobs run`
  struct RunJob: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "run", abstract: "Have a job done now by the running service, and wait for it.",
      discussion: """
        finalize needs --period, and finalizes it for all tenants or for --tenant; this cannot be \
        undone. verify compares Postgres with the log, all of it or what --period and --tenant \
        leave. export needs --period, which must be finalized, and puts its rollups, or what \
        --what says, into a file in jobs.exportDirectory.

        Exits 0 if the job is done, 3 if it is done and rows are beyond retention, 1 if it failed; \
        a job that waits for another attempt goes on without the command. Ctrl-C ends the command, \
        not the job.
        """)

    @OptionGroup var database: DatabaseOptions
    @Argument(help: "finalize, verify or export.") var kind: String
    @Option(help: ArgumentHelp("The month, such as 2026-01.", valueName: "month"))
    var period: String?
    @Option(help: "Only this tenant.") var tenant: String?
    @Option(help: "With export: rollups (default), adjustments or records, which need --tenant.")
    var what: ExportTable?
    @Option(help: "With export: csv or ndjson; default: jobs.exportFormat.")
    var format: ExportFormat?
    @Option(help: "With export: gzip, zstd or none; default: jobs.exportCompression.")
    var compress: ExportCompression?
    @Flag(help: "Put the job in and do not wait; the service may be down.") var noWait = false
    @Flag(help: "Only say what would be done.") var dryRun = false
    @Flag(help: "Print JSON.") var json = false

    func run() throws {
      guard let kind = JobKind(rawValue: kind) else {
        throw CommandFailure(
          "found \(JSONText.quoted(kind)); allowed: finalize, verify, export", exit: .usage)
      }
      let order = try JobOrder(
        kind,
        JobArguments(
          period: try period.map { try Period.parse($0).text }, tenant: tenant, what: what,
          format: format, compress: compress),
        calendars: try database.configuration().calendars)
      let layout = try ServiceOptions.layout(of: database.configuration())
      // What was taken and is not in Postgres yet counts too.
      if !noWait || dryRun { try flush(layout) }
      let connection = try database.open()
      let effects = try order.effects(in: connection)
      if dryRun {
        Console.write(
          try json ? JobOutput.json(order, effects) : JobOutput.text(order, effects))
        return
      }
      let id = try order.insert(
        into: connection, of: layout, attempts: try database.configuration().jobs.attempts,
        operatorName: ServiceOptions.operatorName)
      let job = try noWait ? connection.job(id) : wait(for: id, connection, layout)
      guard let job else { throw CommandFailure("job \(id) is gone") }
      Console.write(try json ? JobOutput.json(job) : JobOutput.text(job))
      if !noWait { try Ending.end(JobOutput.exit(of: job)) }
    }

    private func flush(_ layout: DataDirectoryLayout) throws {
      do throws(CommandFailure) {
        _ = try ControlClient.send(ControlRequest(.flush), to: layout)
      } catch {
        guard !dryRun else { return }
        throw CommandFailure(
          "\(error.message); nothing was put in, --no-wait does that for the next start")
      }
    }

    /// Waits for the end of the job's first attempt.
    private func wait(
      for id: Int64, _ database: RollupDatabase, _ layout: DataDirectoryLayout
    ) throws -> StoredJob? {
      var looks = 0
      while true {
        guard let job = try database.job(id) else { return nil }
        let isTried = job.state == .waiting && job.lastError != nil
        if isTried || job.state == .done || job.state == .failed { return job }
        usleep(200_000)
        looks += 1
        guard looks % 25 == 0 else { continue }
        do throws(CommandFailure) {
          _ = try ControlClient.send(ControlRequest(.status), to: layout)
        } catch {
          throw CommandFailure("\(error.message); job \(id) is done after its next start")
        }
      }
    }
  }
}
