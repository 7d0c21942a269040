import ArgumentParser
import Database
import Metering
import Server

/// `weighbridge jobs`
struct Jobs: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "List, show, run and retry jobs: finalizing, verifying and exporting at their time.",
    subcommands: [List.self, Show.self, RunJob.self, Retry.self])

  /// One job, which must exist.
  private static func job(_ id: Int64, in database: RollupDatabase) throws -> StoredJob {
    guard let job = try database.job(id) else { throw CommandFailure("there is no job \(id)") }
    return job
  }

  /// `weighbridge jobs list`
  struct List: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "List jobs, the latest first.",
      discussion: "A job in state failed was given up; weighbridge jobs retry takes it up again.")

    @OptionGroup var database: DatabaseOptions
    @Option(help: "Only those that are waiting, running, done or failed.") var state: String?
    @Option(help: ArgumentHelp("How many at most.", valueName: "count")) var last = 50
    @Flag(help: "Print JSON.") var json = false

    func run() throws {
      let wanted = state.flatMap(JobState.init(rawValue:))
      if let state, wanted == nil {
        let allowed = JobState.allCases.map(\.rawValue).joined(separator: ", ")
        throw CommandFailure(
          "--state: found \(JSONText.quoted(state)); allowed: \(allowed)", exit: .usage)
      }
      guard last >= 1 else {
        throw CommandFailure("--last: found \(last); allowed: 1 or more", exit: .usage)
      }
      let jobs = try database.open().jobs(in: wanted, limit: last)
      Console.write(try json ? JobOutput.json(jobs) : JobOutput.list(jobs))
    }
  }

  /// `weighbridge jobs show`
  struct Show: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Show everything of one job, with what its run came to.")

    @OptionGroup var database: DatabaseOptions
    @Argument(help: "The number of the job.") var id: Int64
    @Flag(help: "Print JSON.") var json = false

    func run() throws {
      let job = try Jobs.job(id, in: database.open())
      Console.write(try json ? JobOutput.json(job) : JobOutput.text(job))
    }
  }

  /// `weighbridge jobs retry`
  struct Retry: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Let a job that was given up be tried again, with all its attempts.")

    @OptionGroup var database: DatabaseOptions
    @Argument(help: "The number of the job.") var id: Int64
    @Flag(help: "Only say what would be done.") var dryRun = false
    @Flag(help: "Print JSON.") var json = false

    func run() throws {
      let database = try database.open()
      let job = try Jobs.job(id, in: database)
      guard job.state == .failed else {
        throw CommandFailure(
          "job \(id) is \(job.state.rawValue); only one that was given up (failed) can be retried")
      }
      if dryRun {
        let effect =
          "would let job \(id) wait again, due at once, with 0 of "
          + NumberText.count(job.maximumAttempts, "attempt")
        Console.write(try json ? JobOutput.json(job) : effect + "\n")
        return
      }
      guard let job = try database.retryJob(id) else {
        throw CommandFailure("job \(id) is failed no more: somebody else retried it")
      }
      Console.write(try json ? JobOutput.json(job) : JobOutput.text(job))
    }
  }
}
