internal import Database
internal import Foundation
internal import Logging
internal import Metering
internal import Wire

extension Service {
  /// What the jobs of each kind do.
  var jobHandlers: [JobKind: JobHandler] {
    let verification = DispatchQueue(label: "verify")
    let exports = DispatchQueue(label: "export")
    return [
      .finalize: { [unowned self] run, report in
        home.perform(from: nil) { [unowned self] in finalize(run, report) }
      },
      .verify: { [database, layout = directory.layout, configuration] run, report in
        verification.async { report(Self.verify(run, layout, database, configuration)) }
      },
      .export: { [database, layout = directory.layout, configuration] run, report in
        exports.async { report(Self.export(run, layout, database, configuration)) }
      },
    ]
  }

  /// Looks for due jobs, by the time of the partition that is behind the others.
  func lookForJobs(_ runner: JobRunner) {
    askPartitions({ partition, answer in answer(partition.ledger.time) }) { times in
      if let time = times.min() { runner.look(time) }
    }
  }

  private func finalize(_ run: JobRun, _ report: @escaping @Sendable (JobReport) -> Void) {
    let period: BillingPeriod
    do throws(CommandFailure) {
      period = try run.arguments.requiredPeriod()
    } catch {
      return report(JobReport(.givenUp(error.message)))
    }
    whenFlushed { [unowned self] in
      guard !isStopping else {
        report(JobReport(.postponed("the service stops")))
        return
      }
      let order = FinalizeOrder(
        period: period, operatorName: run.operatorName, run: run.id,
        closed: ClosedHours(through: nil, flushedThrough: nil))
      finalize(
        order, of: run.arguments.tenant, except: Set(run.arguments.except ?? [])
      ) { [unowned self] results in
        whenFlushed { report(Self.report(results, of: run)) }
      }
    }
  }

  /// What a finalize came to. A tenant that is refused does not keep the others from being counted.
  private static func report(_ results: [FinalizeResult], of run: JobRun) -> JobReport {
    let refused = results.filter { $0.refusal != nil && !$0.isFinalized }
    var errors: [String: Int] = [:]
    for result in refused { errors[result.reason ?? "refused", default: 0] += 1 }
    let refusals = refused.prefix(JobSummary.detailLimit).map {
      "\($0.tenant): \($0.refusal ?? "")"
    }
    let ending: JobReport.Ending
    if refused.isEmpty {
      ending = .done
    } else {
      let sentence =
        "\(refused.count) of \(results.count) tenants refused; " + refusals.joined(separator: "; ")
      ending = refused.contains { $0.mayPass == true } ? .failed(sentence) : .givenUp(sentence)
    }
    return JobReport(ending) { [errors] database throws(DatabaseError) in
      let done = try database.finalized(by: run.id)
      let warnings = negativeLevels(ofRun: run.id, in: database)
      var summary = JobSummary()
      (summary.tenants, summary.rows, summary.records) = (done.tenants, done.periods, done.records)
      summary.errors = errors
      summary.details = refusals + warnings
      return summary
    }
  }

  /// The first warnings of tenants that have less than nothing stored in periods that a run has
  /// finalized. Nobody may stand by a scheduled run, so that they are kept with it; a question that
  /// Postgres does not answer keeps no run from ending.
  private static func negativeLevels(ofRun run: Int64, in database: RollupDatabase) -> [String] {
    var levels: [NegativeLevel] = []
    do {
      try database.snapshot { snapshot in
        try snapshot.negativeLevels(ofRun: run) {
          if levels.count < JobSummary.detailLimit { levels.append($0) }
        }
      }
    } catch {
      return ["warning: stored bytes below 0 were not looked for: \(error)"]
    }
    return levels.map { "warning: \($0)" }
  }

  private static func verify(
    _ run: JobRun, _ layout: DataDirectoryLayout, _ access: DatabaseAccess,
    _ configuration: ServerConfiguration
  ) -> JobReport {
    work(access) { database throws(CommandFailure) in
      let scope = try run.arguments.scope(configuration.calendars)
      let result = try LogVerifier.verify(layout, against: database, scope: scope)
      let summary = JobSummary(result)
      return switch result.outcome {
      case .equal, .beyondRetention: JobReport(.done, summary)
      case .differs:
        JobReport(
          .givenUp("Postgres differs from the log: " + (summary.details.first ?? "")), summary)
      }
    }
  }

  private static func export(
    _ run: JobRun, _ layout: DataDirectoryLayout, _ access: DatabaseAccess,
    _ configuration: ServerConfiguration
  ) -> JobReport {
    work(access) { database throws(CommandFailure) in
      let file = try ExportFile(run.arguments, configuration, layout)
      let export = try file.write(layout, database)
      var summary = JobSummary()
      (summary.tenants, summary.rows, summary.records) = (
        export.tenants.count, export.rows, export.records
      )
      summary.file = file.path
      return JobReport(.done, summary)
    }
  }

  /// Does what needs Postgres alone, on a thread that may take its time.
  private static func work(
    _ access: DatabaseAccess,
    _ body: (RollupDatabase) throws(CommandFailure) -> JobReport
  ) -> JobReport {
    let database: RollupDatabase
    do throws(DatabaseError) {
      database = try access.open()
    } catch {
      return JobReport(.postponed("\(error)"))
    }
    do throws(CommandFailure) {
      return try body(database)
    } catch {
      let isFinal = error.exit == .beyondRetention
      return JobReport(isFinal ? .givenUp(error.message) : .failed(error.message))
    }
  }
}

extension JobSummary {
  /// What a verification came to.
  init(_ result: Verification) {
    self.init()
    tenants = result.tenants
    rows =
      result.usage.equal + result.usage.differing + result.usage.incomparable
      + result.adjustments.equal + result.adjustments.differing + result.adjustments.incomparable
    records = result.records
    outcome = result.outcome.rawValue
    let found = [
      "usage_hourly": result.usage.differing, "usage_adjustments": result.adjustments.differing,
      "billing_periods": result.periods.differing, "deleted_hours": result.deletedHours.differing,
      "beyond_retention": result.incomparable,
    ]
    errors = found.filter { $0.value > 0 }
    details = result.differences
  }
}
