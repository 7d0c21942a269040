public import Wire

/// Usage records from CSV with a header line. The columns are in <doc:Inputs>.
public final class CSVInput: UsageInput {
  private var lines: LineSource
  private var row = CSVRow()
  private let columns: [Column]

  private enum Column: String, CaseIterable {
    case tenant, kind, operation, quantity, time, key, uuid, context
    case contextType = "context_type"
  }

  /// Reads the header of these lines.
  ///
  /// - Throws: `InputFailure.header` if a column is unknown, named twice or missing.
  public init(_ lines: consuming LineSource) throws(InputFailure) {
    var lines = lines
    var row = CSVRow()
    var fault: InputFault?
    switch try lines.advance() {
    case .end:
      fault = InputFault(
        "input", found: "an empty one", allowed: "a header line, then a record a line")
    case .tooLong: fault = LineSource.tooLongFault
    case .line: fault = try Self.readRow(&row, from: &lines)
    }
    do throws(InputFault) {
      if let fault { throw fault }
      columns = try Self.columns(of: row)
    } catch {
      throw .header(InputError(line: 1, reason: error))
    }
    self.lines = lines
  }

  /// Bytes of the input that were read so far, whole lines of it.
  public var bytesRead: Int64 { lines.consumed }

  /// The next record, the fault of the next one, or nil at the end; empty lines are passed over.
  ///
  /// A quoted field that is not closed within ``LineSource/maximumLineBytes`` is one fault, which
  /// names the lines that were lost with it.
  public func next() throws(InputFailure) -> Result<UsageRecord, InputError>? {
    while true {
      switch try lines.advance() {
      case .end: return nil
      case .tooLong:
        return .failure(InputError(line: lines.number, reason: LineSource.tooLongFault))
      case .line:
        if lines.line.isEmpty { continue }
        let number = lines.number
        if let fault = try Self.readRow(&row, from: &lines) {
          return .failure(InputError(line: number, reason: fault))
        }
        do throws(InputFault) {
          return .success(try Self.record(of: row, columns))
        } catch {
          return .failure(InputError(line: number, reason: error))
        }
      }
    }
  }
}

extension CSVInput {
  private static func columns(of header: CSVRow) throws(InputFault) -> [Column] {
    var columns: [Column] = []
    for index in 0..<header.count {
      let name = try FieldText.text(header[index], field: "column \(index + 1)")
      guard let column = Column(rawValue: name) else {
        throw InputFault(
          "column \(index + 1)", found: header[index],
          allowed: "one of " + Column.allCases.map(\.rawValue).joined(separator: ", "))
      }
      guard !columns.contains(column) else {
        throw InputFault("column \(index + 1)", found: "\(name) again", allowed: "each column once")
      }
      columns.append(column)
    }
    for column in [Column.tenant, .kind, .operation, .quantity, .time]
    where !columns.contains(column) {
      throw InputFault("column", found: "no \(column.rawValue)", allowed: "a header that names it")
    }
    guard columns.contains(.key) || columns.contains(.uuid) else {
      throw InputFault(
        "column", found: "neither key nor uuid", allowed: "a header with one of them")
    }
    return columns
  }

  /// Reads the row that begins in the line given last; the result is what is wrong with its form.
  private static func readRow(
    _ row: inout CSVRow, from lines: inout LineSource
  )
    throws(InputFailure) -> InputFault?
  {
    row.removeAll()
    let first = lines.number
    while true {
      do throws(InputFault) {
        try row.append(line: lines.line)
      } catch {
        return error
      }
      guard row.isOpen else { return nil }
      guard row.byteCount <= LineSource.maximumLineBytes, case .line = try lines.advance() else {
        return InputFault(
          "field \(row.count + 1)",
          found: "an opening quotation mark and no closing one; lines \(first) to \(lines.number) "
            + "are lost",
          allowed: "a closing one after at most \(LineSource.maximumLineBytes) bytes")
      }
    }
  }

  private static func record(
    of row: CSVRow, _ columns: [Column]
  ) throws(InputFault)
    -> UsageRecord
  {
    guard row.count == columns.count else {
      throw InputFault(
        "row", found: "\(row.count) fields", allowed: "\(columns.count) as in the header")
    }
    var fields = RecordFields()
    for (index, column) in columns.enumerated() {
      try read(column, from: row[index], into: &fields)
    }
    return try fields.record()
  }

  /// An empty field stands for an absent one.
  private static func read(
    _ column: Column, from bytes: Span<UInt8>, into fields: inout RecordFields
  ) throws(InputFault) {
    if bytes.isEmpty { return }
    let name = column.rawValue
    switch column {
    case .tenant:
      fields.tenant = try RecordFields.name(FieldText.text(bytes, field: name), field: name)
    case .kind: fields.kind = try RecordFields.kind(FieldText.text(bytes, field: name))
    case .operation:
      fields.operation = try RecordFields.name(FieldText.text(bytes, field: name), field: name)
    case .quantity: fields.quantity = try FieldText.integer(bytes, field: name)
    case .time: fields.time = try FieldText.time(bytes, field: name)
    case .key, .uuid:
      guard fields.key == nil else {
        throw InputFault("key", found: "both key and uuid", allowed: "one of them")
      }
      fields.key =
        column == .uuid
        ? .raw(try FieldText.uuid(bytes, field: name))
        : .text(try RecordFields.name(FieldText.text(bytes, field: name), field: name))
    case .contextType:
      fields.contextType = try RecordFields.contextType(
        FieldText.text(bytes, field: name), field: name)
    case .context:
      fields.context = try RecordFields.name(FieldText.text(bytes, field: name), field: name)
    }
  }
}
