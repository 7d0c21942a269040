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
    case .csv: output.add(CSVText.row(ExportRow.columns(of: table)))
    case .json: output.add("[")
    }
  }

  /// Takes the next row.
  mutating func add(_ row: RollupRow, flush: Int64) {
    switch format {
    case .table: rows.append(row)
    case .csv: output.add(CSVText.row(ExportRow(row, flush: flush).values))
    case .json: output.add((count == 0 ? "\n" : ",\n") + ExportRow(row, flush: flush).json)
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
      if let booking = row.bookingStart { cells.append(booking.periodText) }
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
