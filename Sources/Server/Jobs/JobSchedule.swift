internal import Database
internal import Metering
internal import Wire

/// What is due by a cron expression of the configuration.
struct JobSchedule: Sendable, Hashable {
  /// Its name in Postgres, where it must stay the same: `finalize`, `finalize acme`, `verify`,
  /// `export rollups`.
  var name: String
  var kind: JobKind
  var cron: CronSchedule
  /// How long after a slot its job is due, in milliseconds.
  var delay: Int64 = 0
  /// The one tenant that it is for; nil for all but ``except``.
  var tenant: String?
  /// Tenants with schedules of their own.
  var except: [String] = []
  /// What an export writes.
  var what: ExportTable?
  /// The periods of these tenants.
  var calendars = [CalendarTable.empty.schedule(of: "")]

  /// The schedules of a configuration. A tenant with a calendar has its own, because its periods
  /// end at other times.
  static func all(
    of configured: ServerConfiguration.Jobs, calendars: CalendarTable
  ) -> [JobSchedule] {
    var jobs = configured
    let own = Set(jobs.tenants.map(\.tenant))
    for tenant in Set(calendars.entries.map(\.tenant)).subtracting(own).sorted() {
      jobs.tenants.append(.init(tenant: tenant, finalize: jobs.finalize, finalizeAfter: nil))
    }
    var schedules: [JobSchedule] = []
    if let cron = jobs.finalize {
      schedules.append(
        JobSchedule(
          name: JobKind.finalize.rawValue, kind: .finalize, cron: cron,
          delay: jobs.finalizeAfter.milliseconds, except: jobs.tenants.map(\.tenant)))
    }
    for own in jobs.tenants {
      guard let cron = own.finalize else { continue }
      schedules.append(
        JobSchedule(
          name: "\(JobKind.finalize.rawValue) \(own.tenant)", kind: .finalize, cron: cron,
          delay: (own.finalizeAfter ?? jobs.finalizeAfter).milliseconds, tenant: own.tenant,
          calendars: [calendars.schedule(of: own.tenant)]))
    }
    if let cron = jobs.verify {
      schedules.append(JobSchedule(name: JobKind.verify.rawValue, kind: .verify, cron: cron))
    }
    if let cron = jobs.export {
      // What a period comes to is in both tables.
      for what in [ExportTable.rollups, .adjustments] {
        var export = JobSchedule(
          name: "\(JobKind.export.rawValue) \(what.rawValue)", kind: .export, cron: cron, what: what
        )
        export.calendars += Set(calendars.entries.map(\.tenant)).map { calendars.schedule(of: $0) }
        schedules.append(export)
      }
    }
    return schedules
  }

  /// Up to which slot jobs are due at a time.
  func due(at time: Timestamp) -> Timestamp {
    Timestamp(milliseconds: max(0, time.milliseconds - delay))
  }

  /// The jobs of the slots in `(planned, due]`.
  ///
  /// What was missed is made good as far as it makes a difference: each period is finalized or
  /// exported, by the last slot that meant it, in order; of verifications only the last slot
  /// counts, because a later one does all that an earlier one would have done.
  func jobs(after planned: Timestamp, upTo due: Timestamp, attempts: Int) -> [NewJob] {
    var slots: [(slot: Timestamp, period: BillingPeriod?)] = []
    var time = planned
    while let slot = cron.next(after: time), slot <= due {
      time = slot
      let period = kind == .verify ? nil : lastPeriod(endedBy: slot)
      if kind != .verify, period == nil { continue }
      if let last = slots.last, last.period == period { slots.removeLast() }
      slots.append((slot, period))
    }
    return slots.map { slot, period in
      let arguments = JobArguments(
        period: period?.text, tenant: tenant, except: except.isEmpty ? nil : except,
        what: what)
      return NewJob(
        kind: kind.rawValue, arguments: arguments.text, scheduled: slot, maximumAttempts: attempts,
        createdBy: "schedule \(name)")
    }
  }

  /// The last period that is over for all at a time; nil if none is.
  private func lastPeriod(endedBy time: Timestamp) -> BillingPeriod? {
    calendars.map { $0.period(containing: Hour(containing: time)).period }.min()?.previous
  }
}
