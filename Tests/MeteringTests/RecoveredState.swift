import SegmentLog
import Wire

@testable import Metering

/// What a ledger goes on with after a start, apart from keys and the details of receipts.
struct RecoveredState: Equatable {
  struct Segment: Equatable {
    var number: UInt64
    var start: Checkpoint
    var end: Checkpoint
    var byteCount: Int
    var created: Timestamp
    var lastArrival: Timestamp
    var lastHour: Hour?
    var hours: [SegmentSummary.HourKind: SegmentSummary.HourSums]
    var tenants: Set<String>
  }

  struct Row: Hashable {
    var subject: UsageSubject
    var hour: Int32
    var booking: Int32
  }

  var snapshot: LedgerSnapshot
  var end: Checkpoint
  var flushedClosedThrough: Hour?
  var segments: [Segment] = []
  var rows: [Row: UsageSums] = [:]
  var stagedRows: [Row: UsageSums]?
  var entries: UInt64
  var closedHours: [Hour]
  var corrections: [LoggedCorrection]
  var acceptances: [GapAcceptance]
  var finalizations: [PeriodFinalization]

  init(_ ledger: borrowing Ledger) {
    snapshot = ledger.snapshot()
    // It stands in a head and nowhere in the ledger; the segments say it.
    snapshot.previous = nil
    end = ledger.end
    flushedClosedThrough = ledger.flushedClosedThrough
    entries = ledger.pending.entries
    closedHours = ledger.pending.closedHours
    corrections = ledger.pending.corrections
    acceptances = ledger.pending.acceptances
    finalizations = ledger.pending.finalizations
    for segment in ledger.segments {
      var tenants: Set<String> = []
      for id in ledger.names.tenants.indices {
        let number = UInt32(id)
        guard !segment.allTenants(satisfy: { $0 != number }) else { continue }
        tenants.insert(ledger.names.tenantNames.name(of: number))
      }
      segments.append(
        Segment(
          number: segment.number, start: segment.start, end: segment.end,
          byteCount: segment.byteCount, created: segment.created,
          lastArrival: segment.lastArrival, lastHour: segment.lastHour, hours: segment.hours,
          tenants: tenants))
    }
    rows = Self.rows(of: ledger.pending.rollups, ledger.names)
    let names = ledger.hasStagedRows
    if names { stagedRows = Self.stagedRows(ledger) }
  }

  private static func rows(
    of table: borrowing RollupTable, _ names: borrowing LedgerNames
  ) -> [Row: UsageSums] {
    var rows: [Row: UsageSums] = [:]
    table.forEach { key, sums in
      rows[Row(subject: names.subject(of: key), hour: key.hour, booking: key.booking)] = sums
    }
    return rows
  }

  private static func stagedRows(_ ledger: borrowing Ledger) -> [Row: UsageSums] {
    var rows: [Row: UsageSums] = [:]
    ledger.forEachStagedRow { key, sums in
      rows[Row(subject: ledger.names.subject(of: key), hour: key.hour, booking: key.booking)] = sums
    }
    return rows
  }
}

extension Ledger {
  fileprivate var hasStagedRows: Bool { staged != nil }

  fileprivate borrowing func forEachStagedRow(_ body: (RollupKey, UsageSums) -> Void) {
    switch staged {
    case .some(let usage): usage.rollups.forEach(body)
    case nil: break
    }
  }
}
