import Database
import Foundation
import Metering
import SegmentLog
import Server
import Wire

/// Corrections for people and machines.
enum CorrectionText {
  /// What became of each, or would.
  static func text(_ reports: [CorrectionReport], isDryRun: Bool) -> String {
    reports.map { text($0, isDryRun: isDryRun) }.joined(separator: "\n")
  }

  private static func text(_ report: CorrectionReport, isDryRun: Bool) -> String {
    var facts = Facts()
    if let number = report.quarantined { facts.add("quarantined", "entry \(number)") }
    if let record = report.record {
      facts.add("record", "at log position \(NumberText.grouped(record))")
    }
    if let refusal = report.refusal {
      facts.add("refused", refusal)
      return facts.text
    }
    if let voided = report.voided { facts.add(isDryRun ? "would void" : "voided", text(voided)) }
    if let added = report.added {
      facts.add(isDryRun ? "would add" : "added", text(added))
      facts.add("its key", added.key)
    }
    facts.add(
      "result",
      report.position.map { "logged at position \(NumberText.grouped($0))" }
        ?? "nothing was changed")
    return facts.text
  }

  private static func text(_ booked: BookedReport) -> String {
    let context = booked.context.isEmpty ? "" : ", \(booked.contextType) \(booked.context)"
    let weight = booked.weight == 1 ? "" : " × \(NumberText.grouped(booked.weight))"
    let booking = booked.bookingPeriod.map { ", as an adjustment of the period from \($0)" } ?? ""
    return "\(NumberText.grouped(booked.quantity))\(weight) of \(booked.kind) \(booked.operation)"
      + "\(context) at \(booked.time)\(booking)"
  }

  /// A table of corrections.
  static func list(_ rows: [CorrectionRow]) -> String {
    var table = Table([
      .text("time"), .text("what"), .text("tenant"), .text("hour"), .text("record"), .text("by"),
      .text("reason"), .number("position"),
    ])
    for row in rows {
      let record =
        row.record.map { NumberText.grouped($0.rawValue) }
        ?? row.quarantined.map { "quarantined \($0)" } ?? "-"
      table.add([
        row.time.text, row.kind, row.tenant, row.hour.text, record, row.operatorName, row.reason,
        NumberText.grouped(row.position.rawValue),
      ])
    }
    return table.text + "\(NumberText.count(rows.count, "correction"))\n"
  }

  /// Corrections as JSON.
  static func json(_ rows: [CorrectionRow]) throws -> String {
    try JSONOutput.text(rows.map(Row.init))
  }

  private struct Row: Encodable {
    var time: String
    var kind: String
    var tenant: String
    var hour: String
    var recordPosition: UInt64?
    var quarantined: UInt64?
    var revision: UInt32
    var voided: Booked?
    var added: Booked?
    var operatorName: String
    var reason: String
    var partition: UInt16
    var position: UInt64

    init(_ row: CorrectionRow) throws {
      time = row.time.text
      kind = row.kind
      tenant = row.tenant
      hour = row.hour.text
      recordPosition = row.record?.rawValue
      quarantined = row.quarantined
      revision = row.revision
      voided = try row.voided.map(Booked.init)
      added = try row.added.map(Booked.init)
      operatorName = row.operatorName
      reason = row.reason
      partition = row.partition
      position = row.position.rawValue
    }
  }

  /// A booked record as the table has it.
  private struct Booked: Codable {
    var kind: String
    var operation: String
    var contextType: String
    var context: String
    var time: String
    var quantity: Int64
    var weight: Int64
    var key: String
    var bookingPeriod: String?

    init(_ text: String) throws {
      let decoder = JSONDecoder()
      decoder.keyDecodingStrategy = .convertFromSnakeCase
      self = try decoder.decode(Self.self, from: Data(text.utf8))
    }
  }
}
