internal import Database

/// Does the jobs of one kind. It is called on the runner's queue, which it must not hold up: it
/// answers once, now or later, on any thread.
typealias JobHandler = (JobRun, @escaping @Sendable (JobReport) -> Void) -> Void

/// One attempt of a job.
struct JobRun: Sendable {
  /// The job's number.
  var id: Int64
  var arguments: JobArguments
  /// The name that what it writes carries.
  var operatorName: String
}

/// How an attempt ended, as its handler says.
struct JobReport: Sendable {
  enum Ending: Sendable, Hashable {
    case done
    /// Asking again later may help.
    case failed(String)
    /// Nothing will help by itself.
    case givenUp(String)
    /// It was not tried, for a reason that lies elsewhere.
    case postponed(String)
  }

  var ending: Ending
  /// Counts what the run has done, as Postgres has it.
  var summarize: @Sendable (RollupDatabase) throws(DatabaseError) -> JobSummary

  init(
    _ ending: Ending,
    summarize: @escaping @Sendable (RollupDatabase) throws(DatabaseError) -> JobSummary
  ) {
    self.ending = ending
    self.summarize = summarize
  }

  init(_ ending: Ending, _ summary: JobSummary = JobSummary()) {
    self.init(ending) { _ throws(DatabaseError) in summary }
  }
}
