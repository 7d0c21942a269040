import Client
import Wire

/// What a send has come to, for people and machines.
enum SendText {
  /// All of it in lines.
  static func text(_ outcome: SendOutcome) -> String {
    let summary = outcome.summary
    var facts = Facts()
    let rate = Double(summary.recordsAcked) / max(outcome.seconds, 0.001)
    facts.add(
      "sent",
      "\(NumberText.count(summary.recordsSent, "record")) in "
        + "\(NumberText.count(summary.batchesSent, "batch", "batches")), "
        + "\(NumberText.grouped(summary.batchesResent)) sent again, in \(time(outcome.seconds)) "
        + "(\(NumberText.grouped(UInt64(rate)))/s)")
    for verdict in Verdict.allCases {
      let count = summary.verdicts[verdict, default: 0]
      if count > 0 || verdict == .accepted || verdict == .duplicate {
        facts.add(verdict.name, NumberText.grouped(count))
      }
    }
    for (reason, count) in reasons(summary) {
      facts.add("  \(reason)", NumberText.grouped(count))
    }
    if summary.recordsWithoutVerdict > 0 {
      facts.add("judged earlier", NumberText.grouped(summary.recordsWithoutVerdict))
    }
    if outcome.badLines > 0 { facts.add("bad lines", NumberText.grouped(outcome.badLines)) }
    for (reason, count) in summary.unsendable.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
      facts.add("not sent", "\(NumberText.grouped(count)) \(reason.name)")
    }
    for batch in summary.failedBatches {
      facts.add(
        "refused",
        "batch \(batch.sequence) of \(NumberText.count(batch.recordCount, "record")): "
          + (batch.reason?.name ?? "reason \(batch.code)"))
    }
    if summary.batchesWaiting > 0 {
      facts.add("without an ack", NumberText.count(summary.recordsWaiting, "record"))
    }
    return facts.text
  }

  private static func reasons(_ summary: SendSummary) -> [(String, UInt64)] {
    var reasons = summary.rejections.sorted { $0.key.rawValue < $1.key.rawValue }
      .map { ($0.key.name, $0.value) }
    if summary.rejectionsWithoutReason > 0 {
      reasons.append(("unknown_reason", summary.rejectionsWithoutReason))
    }
    return reasons
  }

  /// Seconds with two decimals, without the locale.
  private static func time(_ seconds: Double) -> String {
    let hundredths = Int(seconds * 100)
    let rest = hundredths % 100
    return "\(hundredths / 100).\(rest < 10 ? "0" : "")\(rest) s"
  }

  /// All of it as JSON.
  static func json(_ outcome: SendOutcome) throws -> String {
    let summary = outcome.summary
    let refused = Dictionary(
      summary.failedBatches.map { ($0.reason?.name ?? "reason_\($0.code)", 1) },
      uniquingKeysWith: +)
    return try JSONOutput.text(
      Answer(
        isComplete: outcome.isComplete, badLines: outcome.badLines,
        unsendable: Dictionary(
          uniqueKeysWithValues: summary.unsendable.map { ($0.key.name, $0.value) }),
        records: summary.recordsSent, batches: summary.batchesSent,
        batchesResent: summary.batchesResent,
        verdicts: Dictionary(
          uniqueKeysWithValues: summary.verdicts.map { ($0.key.name, $0.value) }),
        judgedEarlier: summary.recordsWithoutVerdict,
        rejected: Dictionary(uniqueKeysWithValues: reasons(summary)), refusedBatches: refused,
        recordsWithoutAck: summary.recordsWaiting,
        milliseconds: Int(outcome.seconds * 1_000)))
  }

  private struct Answer: Encodable {
    var isComplete: Bool
    var badLines: UInt64
    var unsendable: [String: UInt64]
    var records: UInt64
    var batches: UInt64
    var batchesResent: UInt64
    var verdicts: [String: UInt64]
    var judgedEarlier: UInt64
    var rejected: [String: UInt64]
    var refusedBatches: [String: Int]
    var recordsWithoutAck: Int
    var milliseconds: Int
  }
}
