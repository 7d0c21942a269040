import Foundation
import Metering
import Postgres
import SegmentLog
import Testing
import Wire

@testable import Database
@testable import Server

/// Exports: every record is one of those that the rows sum up, and files come whole or not at all.
@Suite("Export")
struct ExportTests {
  private static let january = BillingPeriod(
    containing: Timestamp(milliseconds: FlushedLog.start))
  private static var february: BillingPeriod { BillingPeriod(month: january.month + 1) }

  /// The rows of an export, each with its values by name.
  private func rows(
    _ log: FlushedLog, _ table: ExportTable, _ period: BillingPeriod, tenant: String?,
    calendars: CalendarTable = .empty
  ) throws -> [[String: String]] {
    let path = "\(log.layout.path)/export"
    let sink = try ExportSink(.file(path), compression: .none)
    var export = Export(
      table, FoldScope(tenant: tenant, period: period, calendars: calendars), as: .ndjson, to: sink)
    try export.run({ log.layout }, log.rollups)
    let lines = try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n")
    #expect(lines.count == export.rows)
    return try lines.map { line in
      let object = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
      return try #require(object).mapValues { "\($0)" }
    }
  }

  private struct Row: Hashable {
    var hour: String
    var kind: String
    var operation: String
    var context: String
  }

  private func sums(_ rows: [[String: String]], isLate: Bool) throws -> [Row: [Int128]] {
    var sums: [Row: [Int128]] = [:]
    for row in rows {
      let hour =
        try row["hour"] ?? row["origin_hour"]
        ?? Hour(containing: #require(Timestamp(rfc3339: row["time"] ?? ""))).text
      let place = Row(
        hour: hour, kind: row["kind"] ?? "", operation: row["operation"] ?? "",
        context: row["context"] ?? "")
      let figures = try ["records", "quantity", "weighted", "byte_milliseconds"].map { name in
        try #require(Int128(row[name] ?? (name == "records" ? "1" : "")))
      }
      let before = sums[place] ?? [0, 0, 0, 0]
      sums[place] = zip(before, figures).map { $0 + $1 }
    }
    return sums
  }

  @Test func theRecordsComeToTheRows() throws {
    let log = try VerifyTests.makeLog()
    try log.add(
      (0..<50).map { number in
        VerifyTests.record(
          UInt128(1_000 + number), kind: number.isMultiple(of: 2) ? .storage : .compute,
          operation: "op\(number % 3)", at: FlushedLog.start - Int64(number % 5) * FlushedLog.hour,
          quantity: Int64(number * 7))
      })
    for (tenant, period) in [
      ("acme", Self.january), ("acme", Self.february), ("globex", Self.january),
    ] {
      let records = try rows(log, .records, period, tenant: tenant)
      #expect(!records.isEmpty)
      let onTime = try sums(records.filter { $0["verdict"] == "accepted" }, isLate: false)
      let late = try sums(records.filter { $0["verdict"] == "late" }, isLate: true)
      #expect(try onTime == sums(rows(log, .rollups, period, tenant: tenant), isLate: false))
      #expect(try late == sums(rows(log, .adjustments, period, tenant: tenant), isLate: true))
      #expect(records.allSatisfy { $0["tenant"] == tenant })
      #expect(late.isEmpty == (period == Self.january))
      let positions = records.compactMap { UInt64($0["position"] ?? "") }
      #expect(positions.count == records.count && positions == Array(Set(positions)).sorted())
    }
  }

  @Test func aTenantsOwnCalendarGivesTheHours() throws {
    let log = try CalendarCertificateTests.makeLog()
    let calendars = try CalendarCertificateTests.calendars()
    let december = try #require(Self.january.previous)
    // What counts in the hours of the period, and what was booked in it: late usage and negatives.
    let expected: [(BillingPeriod, onTime: [String], late: [String])] = [
      (december, ["1"], []), (Self.january, ["20", "300"], ["4000", "-1"]),
      (Self.february, ["50000"], ["600000", "-20", "21"]),
    ]
    for (period, onTime, late) in expected {
      func read(_ table: ExportTable) throws -> [[String: String]] {
        try rows(log, table, period, tenant: "acme", calendars: calendars)
      }
      let records = try read(.records)
      let (first, second) = (
        records.filter { $0["verdict"] == "accepted" }, records.filter { $0["verdict"] == "late" }
      )
      #expect(first.map { $0["quantity"] } == onTime, "\(period.text)")
      #expect(second.map { $0["quantity"] } == late, "\(period.text)")
      let start = calendars.schedule(of: "acme").start(of: period).text
      #expect(second.allSatisfy { $0["booked_in"] == start })
      #expect(try sums(first, isLate: false) == sums(read(.rollups), isLate: false))
      #expect(try sums(second, isLate: true) == sums(read(.adjustments), isLate: true))
    }
    // Of all tenants each has its own hours.
    let all = try rows(log, .rollups, Self.january, tenant: nil, calendars: calendars)
    #expect(
      all.map { "\($0["tenant"] ?? "") \($0["hour"] ?? "")" } == [
        "acme 2026-01-10T05:00:00Z", "acme 2026-02-10T04:00:00Z", "other 2026-01-10T04:00:00Z",
        "other 2026-01-10T05:00:00Z",
      ])
  }

  @Test func theSumsStandWhileTheLogIsAheadOfPostgres() throws {
    let log = try VerifyTests.makeLog()
    let before = try rows(log, .records, Self.february, tenant: "acme")
    let after = try log.addUnflushed([
      VerifyTests.record(500, at: FlushedLog.start + 3 * FlushedLog.hour, quantity: 2)
    ])
    #expect(after.accepted == 1)
    #expect(try rows(log, .records, Self.february, tenant: "acme") == before)
  }

  @Test func deletedSegmentsAreSaidBeforeAnythingIsWritten() throws {
    let log = try VerifyTests.makeLog()
    try log.pass(40 * FlushedLog.day)
    #expect(try log.deleteOldSegments() > 0)
    do {
      _ = try rows(log, .records, Self.january, tenant: "acme")
      Issue.record("exported what is gone")
    } catch {
      let failure = try #require(error as? CommandFailure)
      #expect(failure.exit == .beyondRetention, "\(failure)")
    }
    let names = try FileManager.default.contentsOfDirectory(atPath: log.layout.path)
    #expect(!names.contains { $0.hasPrefix("export") })
    #expect(try rows(log, .rollups, Self.january, tenant: "acme").count == 3)
  }

  @Test func unknownTenantsAndPeriods() throws {
    let log = try VerifyTests.makeLog()
    for table in ExportTable.allCases {
      for (tenant, period) in [("nobody", Self.january), ("acme", BillingPeriod(month: 0))] {
        do {
          _ = try rows(log, table, period, tenant: tenant)
          Issue.record("exported \(table) of \(tenant) in \(period.text)")
        } catch {
          #expect(
            (error as? CommandFailure)?.message
              == "there is no period \(period.text) of tenant \(tenant)")
        }
      }
    }
  }
}
