internal import CLibPQ

/// The rows that a statement returned, in text form. Owns one `PGresult` of libpq.
///
/// A row or column past the end is a bug of the caller and traps.
@safe public final class PostgresRows {
  private let result: OpaquePointer
  /// Number of rows.
  public let count: Int
  private let columnCount: Int

  init(owning result: OpaquePointer) {
    unsafe self.result = result
    count = Int(unsafe PQntuples(result))
    columnCount = Int(unsafe PQnfields(result))
  }

  deinit { unsafe PQclear(result) }

  /// The command's name and count, such as `INSERT 0 5` (`PQcmdStatus`).
  public var commandTag: String {
    guard let tag = unsafe PQcmdStatus(result) else { return "" }
    return unsafe String(cString: tag)
  }

  /// Number of rows that the statement changed or returned (`PQcmdTuples`).
  public var affectedRows: Int {
    guard let digits = unsafe PQcmdTuples(result) else { return 0 }
    return unsafe Int(String(cString: digits)) ?? 0
  }

  /// Whether a field is `NULL`.
  public func isNull(_ row: Int, _ column: Int) -> Bool {
    check(row, column)
    return unsafe PQgetisnull(result, Int32(row), Int32(column)) != 0
  }

  /// A field as text; `NULL` reads as an empty text.
  public func text(_ row: Int, _ column: Int) -> String {
    unsafe String(decoding: bytes(row, column), as: UTF8.self)
  }

  /// A field as text, or nil for `NULL`.
  public func optionalText(_ row: Int, _ column: Int) -> String? {
    isNull(row, column) ? nil : text(row, column)
  }

  /// A field that holds decimal digits, as a number.
  ///
  /// - Throws: ``PostgresError`` if the field is no integer or does not fit.
  public func integer<Number: FixedWidthInteger>(
    _ row: Int, _ column: Int, as type: Number.Type = Number.self
  ) throws(PostgresError) -> Number {
    let digits = unsafe bytes(row, column)
    if let number = unsafe DecimalText.parse(digits, as: type) { return number }
    throw PostgresError(
      sqlState: nil,
      message: "column \(column) holds \(text(row, column).debugDescription), not a \(type)",
      statement: commandTag)
  }

  /// A boolean field.
  public func boolean(_ row: Int, _ column: Int) -> Bool { text(row, column) == "t" }

  var status: ExecStatusType { unsafe PQresultStatus(result) }

  var errorMessage: String? { unsafe PostgresConnection.text(PQresultErrorMessage(result)) }

  func errorField(_ code: Int32) -> String? {
    unsafe PostgresConnection.text(PQresultErrorField(result, code))
  }

  /// The bytes of a field; they live as long as the result.
  private func bytes(_ row: Int, _ column: Int) -> UnsafeRawBufferPointer {
    check(row, column)
    let start = unsafe PQgetvalue(result, Int32(row), Int32(column))
    let length = unsafe PQgetlength(result, Int32(row), Int32(column))
    return unsafe UnsafeRawBufferPointer(start: start, count: Int(length))
  }

  private func check(_ row: Int, _ column: Int) {
    precondition(
      row >= 0 && row < count && column >= 0 && column < columnCount,
      "BUG: no field (\(row), \(column)) in \(count) rows of \(columnCount) columns")
  }
}
