import SegmentLog
import Testing
import Wire

@testable import Metering

/// What Postgres holds, as dictionaries.
struct PostgresModel {
  struct Key: Hashable {
    var subject: UsageSubject
    var hour: Hour
    var booking: BillingPeriod?
  }

  struct Rows: Equatable {
    var sums: [Key: UsageSums] = [:]

    mutating func add(_ key: Key, _ more: UsageSums) { sums[key, default: UsageSums()] += more }

    mutating func add(_ rollups: [RollupIncrement], _ adjustments: [AdjustmentIncrement]) {
      for row in rollups { add(Key(subject: row.subject, hour: row.hour), row.sums) }
      for row in adjustments {
        add(
          Key(subject: row.subject, hour: row.originHour, booking: row.bookingPeriod), row.sums)
      }
    }
  }

  enum Failure: Error { case otherWriter, locked(Key) }

  var checkpoint = Checkpoint.beginning
  var token: UInt128?
  var rows = Rows()
  var closedHours: [Hour] = []
  var finalized: [String: BillingPeriod] = [:]
  /// What a tenant's period held when it was finalized.
  var sealed: [String: [BillingPeriod: Rows]] = [:]

  /// Commits a flush, or notes that it was committed before.
  mutating func commit(_ batch: FlushBatch) throws {
    if token == batch.token { return #expect(checkpoint == batch.to) }
    guard checkpoint == batch.from else { throw Failure.otherWriter }
    for row in batch.rollups {
      try check(BillingPeriod(containing: row.hour), Key(subject: row.subject, hour: row.hour))
    }
    for row in batch.adjustments {
      let key = Key(subject: row.subject, hour: row.originHour, booking: row.bookingPeriod)
      try check(row.bookingPeriod, key)
      #expect((finalized[row.subject.tenant] ?? BillingPeriod(month: .min)) < row.bookingPeriod)
    }
    rows.add(batch.rollups, batch.adjustments)
    for hour in batch.closedHours {
      #expect(closedHours.last.map { $0.index + 1 == hour.index } ?? true, "hours in order")
      closedHours.append(hour)
    }
    for finalization in batch.finalizations {
      let (tenant, period) = (finalization.tenant, finalization.period)
      #expect((finalized[tenant] ?? BillingPeriod(month: .min)) < period)
      finalized[tenant] = period
      sealed[tenant, default: [:]][period] = content(of: tenant, period)
    }
    checkpoint = batch.to
    token = batch.token
  }

  private func check(_ period: BillingPeriod, _ key: Key) throws {
    if let last = finalized[key.subject.tenant], period <= last { throw Failure.locked(key) }
  }

  /// Rollups of a period and adjustments booked in it.
  func content(of tenant: String, _ period: BillingPeriod) -> Rows {
    Rows(
      sums: rows.sums.filter { key, _ in
        key.subject.tenant == tenant
          && (key.booking ?? BillingPeriod(containing: key.hour)) == period
      })
  }

  /// Whether every finalized period holds what it held when it was finalized.
  func checkSealed() {
    for (tenant, periods) in sealed {
      for (period, rows) in periods { #expect(content(of: tenant, period) == rows) }
    }
  }
}
