import Database
import Server
import Wire

/// Jobs for people and machines.
enum JobOutput {
  /// A table of jobs.
  static func list(_ jobs: [StoredJob]) -> String {
    var table = Table([
      .number("job"), .text("kind"), .text("of"), .text("scheduled"), .text("by"), .text("state"),
      .number("attempts"), .text("next or end"), .text("error"),
    ])
    for job in jobs {
      table.add([
        "\(job.id)", job.kind, subject(job), job.scheduled.text, job.createdBy,
        job.state.rawValue, "\(job.attempts)/\(job.maximumAttempts)",
        (job.nextAttempt ?? job.finished)?.text ?? "-", String((job.lastError ?? "-").prefix(60)),
      ])
    }
    return table.text + "\(NumberText.count(jobs.count, "job"))\n"
  }

  /// One job.
  static func text(_ job: StoredJob) -> String {
    var facts = Facts()
    facts.add("job", "\(job.id), \(job.kind) of \(subject(job))")
    facts.add("scheduled", "\(job.scheduled.text) by \(job.createdBy)")
    facts.add("put in", job.created.text)
    facts.add("state", job.state.rawValue)
    facts.add("attempts", "\(job.attempts) of \(job.maximumAttempts)")
    if let next = job.nextAttempt { facts.add("next attempt", next.text) }
    if let started = job.started { facts.add("last begun", started.text) }
    if let finished = job.finished { facts.add("ended", finished.text) }
    if let error = job.lastError { facts.add("last error", error) }
    guard let summary = job.result.flatMap(JobSummary.init(text:)) else { return facts.text }
    if let outcome = summary.outcome { facts.add("outcome", outcome) }
    facts.add(
      "result",
      "\(NumberText.count(summary.tenants, "tenant")), \(NumberText.count(summary.rows, "row")), "
        + "\(NumberText.count(summary.records, "record")), \(summary.seconds) s")
    if let file = summary.file { facts.add("file", file) }
    if !summary.errors.isEmpty {
      facts.add("errors", StatusText.counts(summary.errors.mapValues { UInt64($0) }))
    }
    for detail in summary.details { facts.add("detail", detail) }
    return facts.text
  }

  /// What an order would do.
  static func text(_ order: JobOrder, _ effects: [JobOrder.Effect]) -> String {
    let name =
      "would put in a job, due at once: \(order.kind.rawValue) of \(subject(order.arguments))"
    guard !effects.isEmpty else { return name + "\n" }
    var table = Table([.text("tenant"), .text("effect")])
    for effect in effects { table.add([effect.tenant, effect.effect]) }
    return name + "\n" + table.text
  }

  /// How a command that waited for a job ends.
  static func exit(of job: StoredJob) -> CommandExit {
    guard job.state == .done else { return .refused }
    let summary = job.result.flatMap(JobSummary.init(text:))
    return (summary?.errors["beyond_retention"] ?? 0) > 0 ? .beyondRetention : .done
  }

  private static func subject(_ job: StoredJob) -> String {
    JobArguments(text: job.arguments).map(subject) ?? job.arguments
  }

  private static func subject(_ arguments: JobArguments) -> String {
    var text = arguments.tenant ?? "all tenants"
    if let except = arguments.except { text += " but \(except.count)" }
    return [
      arguments.what?.rawValue, arguments.period, text, arguments.format?.rawValue,
      arguments.compress?.rawValue,
    ].compactMap(\.self).joined(separator: ", ")
  }
}

extension JobOutput {
  private struct Job: Encodable {
    var id: Int64
    var kind: String
    var arguments: JobArguments?
    var schedule: String?
    var scheduledAt: String
    var state: String
    var attempts: Int
    var maximumAttempts: Int
    var nextAttemptAt: String?
    var lastError: String?
    var result: JobSummary?
    var createdBy: String
    var createdAt: String
    var startedAt: String?
    var finishedAt: String?

    init(_ job: StoredJob) {
      id = job.id
      kind = job.kind
      arguments = JobArguments(text: job.arguments)
      schedule = job.schedule
      scheduledAt = job.scheduled.text
      state = job.state.rawValue
      attempts = job.attempts
      maximumAttempts = job.maximumAttempts
      nextAttemptAt = job.nextAttempt?.text
      lastError = job.lastError
      result = job.result.flatMap(JobSummary.init(text:))
      createdBy = job.createdBy
      createdAt = job.created.text
      startedAt = job.started?.text
      finishedAt = job.finished?.text
    }
  }

  private struct Order: Encodable {
    var kind: String
    var arguments: JobArguments
    var effects: [JobOrder.Effect]
  }

  /// Jobs as JSON.
  static func json(_ jobs: [StoredJob]) throws -> String { try JSONOutput.text(jobs.map(Job.init)) }

  /// One job as JSON.
  static func json(_ job: StoredJob) throws -> String { try JSONOutput.text(Job(job)) }

  /// What an order would do, as JSON.
  static func json(_ order: JobOrder, _ effects: [JobOrder.Effect]) throws -> String {
    try JSONOutput.text(
      Order(kind: order.kind.rawValue, arguments: order.arguments, effects: effects))
  }
}
