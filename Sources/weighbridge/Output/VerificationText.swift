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
        + NumberText.grouped(result.position))
    if result.deletedSegments > 0 {
      facts.add("deleted", NumberText.count(result.deletedSegments, "segment"))
    }
    facts.add("usage_hourly", counts(result.usage))
    facts.add("usage_adjustments", counts(result.adjustments))
    if result.deletedSegments > 0 {
      facts.add(
        "deleted hours",
        "\(NumberText.count(result.deletedHours.equal, "sum")) of an hour and kind equal, "
          + "\(NumberText.grouped(result.deletedHours.differing)) different")
    }
    facts.add(
      "billing_periods",
      "\(NumberText.grouped(result.periods.equal)) finalized equal, "
        + "\(NumberText.grouped(result.periods.differing)) different")
    var text = facts.text
    for difference in result.differences {
      text += "differs: \(Table.printable(difference))\n"
    }
    if result.differing > result.differences.count {
      text += "and \(NumberText.grouped(result.differing - result.differences.count)) more\n"
    }
    if result.incomparable > 0 { text += beyondRetention(result) }
    return text + "\(result.outcome.rawValue)\n"
  }

  /// Which hours cannot be recomputed, and what of them was checked all the same.
  private static func beyondRetention(_ result: Verification) -> String {
    let ranges = result.incomparableHours
    var hours = ranges.prefix(LogVerifier.differenceLimit).map(text).joined(separator: ", ")
    if ranges.count > LogVerifier.differenceLimit {
      hours += ", and \(ranges.count - LogVerifier.differenceLimit) more spans"
    }
    return "of \(hours): \(NumberText.count(result.incomparable, "row")) had usage in deleted "
      + "segments; what is known of them is the records and quantities of each hour and kind, and "
      + "the sums of finalized periods\n"
  }

  private static func text(_ hours: ClosedRange<Hour>) -> String {
    hours.lowerBound == hours.upperBound
      ? hours.lowerBound.text : "\(hours.lowerBound.text) to \(hours.upperBound.text)"
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

    struct Sums: Encodable {
      var equal: Int
      var different: Int
    }

    struct Hours: Encodable {
      var from: String
      var through: String
    }

    var outcome: Verification.Outcome
    var position: UInt64
    var segments: Int
    var deletedSegments: Int
    var records: Int64
    var usageHourly: Rows
    var usageAdjustments: Rows
    var deletedHours: Sums
    var billingPeriods: Sums
    var beyondRetention: [Hours]
    var differences: [String]
    var rows: [Row]

    init(_ result: Verification) {
      outcome = result.outcome
      position = result.position
      segments = result.segments
      deletedSegments = result.deletedSegments
      records = result.records
      usageHourly = Rows(result.usage)
      usageAdjustments = Rows(result.adjustments)
      deletedHours = Sums(
        equal: result.deletedHours.equal, different: result.deletedHours.differing)
      billingPeriods = Sums(equal: result.periods.equal, different: result.periods.differing)
      beyondRetention = result.incomparableHours.map {
        Hours(from: $0.lowerBound.text, through: $0.upperBound.text)
      }
      differences = result.differences
      rows = (result.usage.differences + result.adjustments.differences).map(Row.init)
    }
  }

  /// A row that differs.
  private struct Row: Encodable {
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
      bookingPeriod = difference.row.bookingStart?.periodText
      isInLog = difference.expected != nil
      isInPostgres = difference.found != nil
      columns = difference.columns.map {
        Column(column: $0.name, expected: $0.expected, found: $0.found)
      }
    }
  }
}
