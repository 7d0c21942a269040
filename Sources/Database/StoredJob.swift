public import Wire

/// Where a job stands.
public enum JobState: String, Sendable, CaseIterable {
  /// It waits for its next attempt.
  case waiting
  /// A runner has it.
  case running
  /// It did what was asked.
  case done
  /// It was given up: nobody tries it again unless an operator says so.
  case failed
}

/// A row of `jobs`.
public struct StoredJob: Sendable, Hashable {
  /// Its number, which what it writes carries.
  public var id: Int64
  /// What is to be done: `finalize`, `verify` or `export`.
  public var kind: String
  /// To what, as a JSON object.
  public var arguments: String
  /// The schedule whose slot it is; nil if an operator asked for it.
  public var schedule: String?
  /// The slot of the schedule, or when the operator asked.
  public var scheduled: Timestamp
  /// Where it stands.
  public var state: JobState
  /// Attempts that were begun.
  public var attempts: Int
  /// Attempts after which it is given up.
  public var maximumAttempts: Int
  /// When the next attempt is due; nil unless it waits.
  public var nextAttempt: Timestamp?
  /// Why the last attempt failed.
  public var lastError: String?
  /// What its last attempt came to, as a JSON object.
  public var result: String?
  /// Who asked for it.
  public var createdBy: String
  /// When it was put in.
  public var created: Timestamp
  /// When the last attempt began.
  public var started: Timestamp?
  /// When it was done or given up.
  public var finished: Timestamp?
}

/// A job that is to be put in.
public struct NewJob: Sendable, Hashable {
  /// What is to be done.
  public var kind: String
  /// To what, as a JSON object.
  public var arguments: String
  /// The slot of the schedule; nil: now, by the server's clock.
  public var scheduled: Timestamp?
  /// Attempts after which it is given up, at least 1.
  public var maximumAttempts: Int
  /// Who asks for it.
  public var createdBy: String

  /// A job that is to be put in.
  public init(
    kind: String, arguments: String = "{}", scheduled: Timestamp? = nil, maximumAttempts: Int,
    createdBy: String
  ) {
    self.kind = kind
    self.arguments = arguments
    self.scheduled = scheduled
    self.maximumAttempts = maximumAttempts
    self.createdBy = createdBy
  }
}

/// How an attempt ended.
public enum JobEnding: Sendable, Hashable {
  /// It did what was asked.
  case done
  /// It failed, and is tried again after a delay in milliseconds unless that was its last attempt.
  case failed(String, retryAfter: Int64)
  /// It failed for good.
  case givenUp(String)
  /// It could not be tried: the attempt does not count, and the next one is due after a delay in
  /// milliseconds.
  case postponed(String, retryAfter: Int64)
}

/// How many jobs stand where; done ones are not counted.
public struct JobCounts: Sendable, Hashable {
  /// Jobs that wait.
  public var waiting = 0
  /// Jobs that a runner has.
  public var running = 0
  /// Jobs that were given up.
  public var failed = 0
  /// Those of them that a schedule asked for.
  public var failedOfSchedules = 0

  /// No jobs.
  public init() {}
}
