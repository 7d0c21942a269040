import Metering
import Server
import Wire

/// Prints rows of `usage_hourly` or `usage_adjustments` as they come.
struct UsageOutput {
  private let format: RowFormat
  private let table: RollupTableName
  private var output = OutputBuffer()
  private var rows: [RollupRow] = []
  private var count = 0

  init(format: RowFormat, table: RollupTableName) {
    self.format = format
    self.table = table
    switch format {
    case .table: break
    case .csv: output.add(CSVText.row(Self.columns(of: table)))
    case .json: output.add("[")
    }
  }

  /// Takes the next row.
  mutating func add(_ row: RollupRow, flush: Int64) {
    switch format {
    case .table: rows.append(row)
    case .csv: output.add(CSVText.row(Self.fields(of: row, flush: flush)))
    case .json: output.add((count == 0 ? "\n" : ",\n") + Self.json(of: row, flush: flush))
    }
    count += 1
  }

  /// Takes the end.
  mutating func finish() {
    switch format {
    case .table: output.add(Self.text(of: rows, in: table))
    case .csv: break
    case .json: output.add(count == 0 ? "]\n" : "\n]\n")
    }
    output.flush()
  }

  /// The names of the columns in Postgres.
  static func columns(of table: RollupTableName) -> [String] {
    (table == .usage ? ["tenant", "hour"] : ["tenant", "booking_period", "origin_hour"]) + [
      "kind", "operation", "context_type", "context", "records", "quantity", "weighted",
      "byte_milliseconds", "digest", "flush_id",
    ]
  }

  /// The values in the order of the columns.
  static func fields(of row: RollupRow, flush: Int64) -> [String] {
    let booking = row.bookingPeriod.map { [$0.start.text] } ?? []
    let key =
      [row.subject.tenant] + booking + [
        row.hour.text, row.subject.kind.name, row.subject.operation,
        row.subject.contextType.name, row.subject.context,
      ]
    return key + [
      "\(row.sums.count)", "\(row.sums.quantity)", "\(row.sums.weighted)",
      "\(row.sums.byteMilliseconds)", "\(row.sums.digest)", "\(flush)",
    ]
  }

  /// One object on one line. Counts and ids are numbers; sums are text.
  static func json(of row: RollupRow, flush: Int64) -> String {
    let numbers: Set = ["records", "flush_id"]
    let members = zip(columns(of: row.table), fields(of: row, flush: flush)).map { name, value in
      "\"\(name)\":" + (numbers.contains(name) ? value : JSONText.quoted(value))
    }
    return "{\(members.joined(separator: ","))}"
  }

  /// A table with a line of totals.
  static func text(of rows: [RollupRow], in table: RollupTableName) -> String {
    let hasStorage = rows.contains { $0.subject.kind == .storage }
    var columns: [Table.Column] = [.text("tenant")]
    if table == .adjustments { columns.append(.text("booked in")) }
    columns += [
      .text(table == .usage ? "hour" : "origin hour"), .text("kind"), .text("operation"),
      .text("context"), .number("records"), .number("quantity"), .number("weighted"),
    ]
    if hasStorage { columns.append(.number("byte-milliseconds")) }
    var text = Table(columns)
    var records: Int64 = 0
    for row in rows {
      var cells = [row.subject.tenant]
      if let booking = row.bookingPeriod { cells.append(booking.text) }
      cells += [
        row.hour.text, row.subject.kind.name, row.subject.operation, context(of: row.subject),
        NumberText.grouped(row.sums.count), NumberText.grouped(row.sums.quantity),
        NumberText.grouped(row.sums.weighted),
      ]
      if hasStorage {
        cells.append(
          row.subject.kind == .storage ? NumberText.grouped(row.sums.byteMilliseconds) : "")
      }
      text.add(cells)
      records += row.sums.count
    }
    return text.text + "\(NumberText.count(rows.count, "row")), "
      + "\(NumberText.count(records, "record"))\n"
  }

  private static func context(of subject: UsageSubject) -> String {
    if subject.contextType == .other, subject.context.isEmpty { return "-" }
    return subject.context.isEmpty
      ? subject.contextType.name : "\(subject.contextType.name) \(subject.context)"
  }
}
