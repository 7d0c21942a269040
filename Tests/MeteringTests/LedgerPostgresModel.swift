import SegmentLog
import Testing
import Wire

@testable import Metering

/// What Postgres holds, as dictionaries.
struct PostgresModel {
  struct Key: Hashable {
    var subject: UsageSubject
    var hour: Hour
    var booking: Hour?
  }

  struct Rows: Equatable {
    var sums: [Key: UsageSums] = [:]

    mutating func add(_ key: Key, _ more: UsageSums) { sums[key, default: UsageSums()] += more }

    mutating func add(_ rollups: [RollupIncrement], _ adjustments: [AdjustmentIncrement]) {
      for row in rollups { add(Key(subject: row.subject, hour: row.hour), row.sums) }
      for row in adjustments {
        add(
          Key(subject: row.subject, hour: row.originHour, booking: row.bookingStart), row.sums)
      }
    }
  }

  enum Failure: Error { case otherWriter, locked(Key) }

  var checkpoint = Checkpoint.beginning
  var token: UInt128?
  var rows = Rows()
  var closedHours: [Hour] = []
  var finalized: [String: BillingPeriod] = [:]
  var acceptances: [GapAcceptance] = []
  /// The first hour that is not finalized.
  var openFrom: [String: Hour] = [:]
  /// What a tenant's period held when it was finalized.
  var sealed: [String: [PeriodBounds: Rows]] = [:]

  /// Commits a flush, or notes that it was committed before.
  mutating func commit(_ batch: FlushBatch) throws {
    if token == batch.token { return #expect(checkpoint == batch.to) }
    guard checkpoint == batch.from else { throw Failure.otherWriter }
    for row in batch.rollups {
      try check(row.hour, Key(subject: row.subject, hour: row.hour))
    }
    for row in batch.adjustments {
      let key = Key(subject: row.subject, hour: row.originHour, booking: row.bookingStart)
      try check(row.bookingStart, key)
    }
    rows.add(batch.rollups, batch.adjustments)
    for hour in batch.closedHours {
      #expect(closedHours.last.map { $0.index + 1 == hour.index } ?? true, "hours in order")
      closedHours.append(hour)
    }
    for finalization in batch.finalizations {
      let (tenant, bounds) = (finalization.tenant, finalization.bounds)
      #expect((finalized[tenant] ?? BillingPeriod(month: .min)) < bounds.period)
      if let open = openFrom[tenant] { #expect(open == bounds.start, "periods join") }
      finalized[tenant] = bounds.period
      openFrom[tenant] = bounds.end
      sealed[tenant, default: [:]][bounds] = content(of: tenant, bounds)
      let known = finalization.acceptance.map { place in
        (acceptances + batch.acceptances).contains { $0.position == place }
      }
      #expect(known != false, "an acceptance that is not there")
    }
    acceptances += batch.acceptances
    checkpoint = batch.to
    token = batch.token
  }

  private func check(_ hour: Hour, _ key: Key) throws {
    if let open = openFrom[key.subject.tenant], hour < open { throw Failure.locked(key) }
  }

  /// Rollups of a period and adjustments booked in it.
  func content(of tenant: String, _ bounds: PeriodBounds) -> Rows {
    Rows(
      sums: rows.sums.filter { key, _ in
        key.subject.tenant == tenant && bounds.contains(key.booking ?? key.hour)
      })
  }

  /// Whether every finalized period holds what it held when it was finalized.
  func checkSealed() {
    for (tenant, periods) in sealed {
      for (bounds, rows) in periods { #expect(content(of: tenant, bounds) == rows) }
    }
  }
}
