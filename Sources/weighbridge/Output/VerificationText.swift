import Metering
import SegmentLog
import Server
import Wire

/// The result of `verify` for people and machines.
enum VerificationText {
  /// All of it in lines; the answer is the last one.
  static func text(_ result: Verification) -> String {
    var facts = Facts()
    facts.add(
      "log",
      "\(NumberText.count(result.segments, "segment")), "
        + "\(NumberText.count(result.records, "record")) up to position "
        + NumberText.grouped(result.checkpoint.position.rawValue))
    if result.deletedSegments > 0 {
      facts.add("deleted", NumberText.count(result.deletedSegments, "segment"))
    }
    facts.add("usage_hourly", counts(result.usage))
    facts.add("usage_adjustments", counts(result.adjustments))
    var text = facts.text
    for difference in result.differences {
      text += "differs: \(Table.printable(difference.description))\n"
    }
    let differing = result.usage.differing + result.adjustments.differing
    if differing > result.differences.count {
      text += "and \(NumberText.count(differing - result.differences.count, "more row"))\n"
    }
    return text + "\(result.outcome.rawValue)\n"
  }

  private static func counts(_ comparison: RollupComparison) -> String {
    var text =
      "\(NumberText.count(comparison.equal, "row")) equal, "
      + "\(NumberText.grouped(comparison.differing)) different"
    if comparison.incomparable > 0 {
      text += ", \(NumberText.grouped(comparison.incomparable)) beyond retention"
    }
    return text
  }

  /// All of it as JSON.
  static func json(_ result: Verification) throws -> String {
    try JSONOutput.text(Answer(result))
  }

  private struct Answer: Encodable {
    struct Rows: Encodable {
      var equal: Int
      var different: Int
      var beyondRetention: Int

      init(_ comparison: RollupComparison) {
        equal = comparison.equal
        different = comparison.differing
        beyondRetention = comparison.incomparable
      }
    }

    struct Difference: Encodable {
      struct Column: Encodable {
        var column: String
        var expected: String
        var found: String
      }

      var table: RollupTableName
      var tenant: String
      var hour: String
      var kind: String
      var operation: String
      var contextType: String
      var context: String
      var bookingPeriod: String?
      var isInLog: Bool
      var isInPostgres: Bool
      var columns: [Column]

      init(_ difference: RollupDifference) {
        table = difference.row.table
        tenant = difference.row.subject.tenant
        hour = difference.row.hour.text
        kind = difference.row.subject.kind.name
        operation = difference.row.subject.operation
        contextType = difference.row.subject.contextType.name
        context = difference.row.subject.context
        bookingPeriod = difference.row.bookingPeriod?.text
        isInLog = difference.expected != nil
        isInPostgres = difference.found != nil
        columns = difference.columns.map {
          Column(column: $0.name, expected: $0.expected, found: $0.found)
        }
      }
    }

    var outcome: Verification.Outcome
    var position: UInt64
    var segments: Int
    var deletedSegments: Int
    var records: Int64
    var usageHourly: Rows
    var usageAdjustments: Rows
    var differences: [Difference]

    init(_ result: Verification) {
      outcome = result.outcome
      position = result.checkpoint.position.rawValue
      segments = result.segments
      deletedSegments = result.deletedSegments
      records = result.records
      usageHourly = Rows(result.usage)
      usageAdjustments = Rows(result.adjustments)
      differences = result.differences.map(Difference.init)
    }
  }
}
