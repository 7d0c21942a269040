import Metering
import SegmentLog
import Server
import Testing
import Wire

@testable import weighbridge

/// What commands print.
@Suite struct OutputTests {
  @Test(arguments: [
    (Int128(0), "0"), (7, "7"), (999, "999"), (1_000, "1,000"), (-1_000, "-1,000"),
    (-123, "-123"), (12_345_678, "12,345,678"),
    (Int128.max, "170,141,183,460,469,231,731,687,303,715,884,105,727"),
  ])
  func groupsThousands(number: Int128, text: String) {
    #expect(NumberText.grouped(number) == text)
  }

  @Test(arguments: [
    (0, "0 B"), (1_023, "1023 B"), (1_024, "1.0 KiB"), (1_535, "1.4 KiB"), (1_536, "1.5 KiB"),
    (1 << 20, "1.0 MiB"), ((1 << 20) - 1, "1023.9 KiB"), (Int.max, "8191.9 PiB"),
  ])
  func writesBytes(count: Int, text: String) {
    #expect(NumberText.bytes(count) == text)
  }

  @Test func countsInSingularAndPlural() {
    #expect(NumberText.count(1, "row") == "1 row")
    #expect(NumberText.count(0, "row") == "0 rows")
    #expect(NumberText.count(2_000, "entry", "entries") == "2,000 entries")
  }

  @Test func alignsTables() {
    var table = Table([.text("name"), .number("count"), .text("note")])
    table.add(["a", "1", ""])
    table.add(["longer", "1,000", "x"])
    #expect(
      table.text == """
        name    count  note
        a           1
        longer  1,000  x

        """)
    #expect(Table([.text("a"), .number("b")]).text == "a  b\n")
  }

  @Test func terminalsAreNotObeyed() {
    var table = Table([.text("a")])
    table.add(["\u{1B}[2J\u{9B}x\n\u{2028}é"])
    #expect(table.text == "a\n?[2J?x??é\n")
    var facts = Facts()
    facts.add("name", "a\rb")
    #expect(facts.text == "name  a?b\n")
  }

  @Test(arguments: [
    ("plain", "plain"), ("", ""), ("a,b", "\"a,b\""), ("a\"b", "\"a\"\"b\""),
    ("a\nb", "\"a\nb\""), ("a\rb", "\"a\rb\""), (" a ", " a "),
  ])
  func quotesFieldsThatNeedIt(text: String, field: String) {
    #expect(CSVText.field(text) == field)
  }

  @Test func drawsTheBar() {
    #expect(ProgressLine.line(0, "x") == "[\(String(repeating: " ", count: 24))]   0%  x")
    #expect(
      ProgressLine.line(0.5, "x")
        == "[\(String(repeating: "#", count: 12))\(String(repeating: " ", count: 12))]  50%  x")
    #expect(ProgressLine.line(7, "x") == "[\(String(repeating: "#", count: 24))] 100%  x")
    #expect(ProgressLine.line(nil, "x") == "x")
  }

  private func row(_ context: String = "p\"1", booking: Hour? = nil) -> RollupRow {
    RollupRow(
      subject: UsageSubject(
        tenant: "a,b", kind: .storage, operation: "upload", contextType: .project,
        context: context),
      hour: Hour(index: 495_000), bookingStart: booking,
      sums: UsageSums(
        count: 1_000, quantity: -5, weighted: 12, byteMilliseconds: 3_600_000, digest: 99))
  }

  @Test func rowsAreWrittenUnderTheirColumns() {
    #expect(
      ExportRow.columns(of: .usage).joined(separator: ",")
        == "tenant,hour,kind,operation,context_type,context,records,quantity,weighted,"
        + "byte_milliseconds,digest,flush_id")
    #expect(
      ExportRow.columns(of: .adjustments).joined(separator: ",")
        == "tenant,booking_period,origin_hour,kind,operation,context_type,context,records,"
        + "quantity,weighted,byte_milliseconds,digest,flush_id")
    #expect(
      CSVText.row(ExportRow(row(), flush: 4).values)
        == "\"a,b\",2026-06-21T00:00:00Z,storage,upload,project,\"p\"\"1\",1000,-5,12,3600000,"
        + "99,4\n")
    for table in [RollupTableName.usage, .adjustments] {
      let booking = table == .usage ? nil : BillingPeriod(month: 679).firstHour
      let fields = ExportRow(row(booking: booking), flush: 4).values
      #expect(fields.count == ExportRow.columns(of: table).count)
    }
    #expect(
      ExportRow(row(booking: BillingPeriod(month: 679).firstHour), flush: 4).json
        == #"{"tenant":"a,b","booking_period":"2026-08-01T00:00:00Z","#
        + #""origin_hour":"2026-06-21T00:00:00Z","kind":"storage","operation":"upload","#
        + #""context_type":"project","context":"p\"1","records":1000,"quantity":"-5","#
        + #""weighted":"12","byte_milliseconds":"3600000","digest":"99","flush_id":4}"#)
  }

  @Test func rowsAreATable() {
    #expect(
      UsageOutput.text(of: [row("")], in: .usage) == """
        tenant  hour                  kind     operation  context  records  quantity  weighted  \
        byte-milliseconds
        a,b     2026-06-21T00:00:00Z  storage  upload     project    1,000        -5        12  \
                3,600,000
        1 row, 1,000 records

        """)
    #expect(UsageOutput.text(of: [], in: .usage).hasSuffix("\n0 rows, 0 records\n"))
  }

  @Test func theVerificationEndsWithItsAnswer() throws {
    var usage = RollupComparison(limit: 1)
    let sums = row().sums
    usage.take(expected: sums, found: sums) { row("a") }
    usage.take(expected: sums, found: nil) { row("b") }
    usage.take(expected: nil, found: sums, isGone: true) { row("d") }
    var adjustments = RollupComparison(limit: 1)
    adjustments.take(expected: nil, found: sums) {
      row("c", booking: BillingPeriod(month: 679).firstHour)
    }
    var result = Verification(
      checkpoints: [.beginning], segments: 2, deletedSegments: 1, records: 3_000, usage: usage,
      adjustments: adjustments, deletedHours: HourComparison(.none, limit: 1),
      periods: PeriodComparison(limit: 1))
    #expect(
      VerificationText.text(result) == """
        log                2 segments, 3,000 records up to position 0
        deleted            1 segment
        usage_hourly       1 row equal, 1 different, 1 beyond retention
        usage_adjustments  0 rows equal, 1 different
        deleted hours      0 sums of an hour and kind equal, 0 different
        billing_periods    0 finalized equal, 0 different
        differs: usage_hourly (a,b, 2026-06-21T00:00:00Z, storage, upload, project, "b"): \
        missing in Postgres
        differs: usage_adjustments (a,b, 2026-06-21T00:00:00Z, storage, upload, project, "c", \
        booked in 2026-08): not in the log
        of 2026-06-21T00:00:00Z: 1 row had usage in deleted segments; what is known of them is \
        the records and quantities of each hour and kind, and the sums of finalized periods
        differs

        """)
    result.adjustments = RollupComparison(limit: 1)
    result.usage = RollupComparison(limit: 1)
    for hour in [7, 3, 4, 5] as [Int32] {
      result.usage.take(expected: nil, found: sums, isGone: true) {
        var row = row("\(hour)")
        row.hour = Hour(index: hour)
        return row
      }
    }
    #expect(
      VerificationText.text(result).contains(
        "of 1970-01-01T03:00:00Z to 1970-01-01T05:00:00Z, 1970-01-01T07:00:00Z: 4 rows had usage"))
    #expect(VerificationText.text(result).hasSuffix("\nbeyond retention\n"))
    #expect(result.exit == .beyondRetention)
    result.usage = usage
    let json = try VerificationText.json(result)
    #expect(json.contains(#""outcome" : "differs""#))
    #expect(json.contains(#""is_in_postgres" : false"#))
  }
}
