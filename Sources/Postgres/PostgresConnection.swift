internal import CLibPQ

/// One session on a Postgres server. One thread owns a connection; every call blocks.
///
/// Times are ISO and UTC, text is UTF-8, JIT compilation is off. Owns one `PGconn` of libpq.
@safe public final class PostgresConnection {
  let handle: OpaquePointer

  /// Connects (`PQconnectdbParams`) and prepares the session.
  ///
  /// - Throws: ``PostgresError`` if the server cannot be reached, refuses, or does not answer
  ///   within the timeout for any of its addresses.
  public init(_ settings: ConnectionSettings) throws(PostgresError) {
    guard Self.isValid(settings.connectionString) else {
      throw PostgresError(
        sqlState: nil, message: "the connection string cannot be understood",
        hint: "Use keywords (host=… dbname=… user=…) or postgresql://user@host/database.",
        statement: "connect")
    }
    let keys = CStringArray(settings.parameters.map { $0.0 })
    let values = CStringArray(settings.parameters.map { $0.1 })
    let connected = unsafe keys.withPointers { keys in
      unsafe values.withPointers { values in unsafe PQconnectdbParams(keys, values, 1) }
    }
    guard let connected = unsafe connected else {
      fatalError("FATAL: libpq has no memory for a connection")
    }
    unsafe handle = connected
    unsafe PQsetNoticeReceiver(handle, { _, _ in }, nil)
    guard unsafe PQstatus(handle) == CONNECTION_OK else {
      let message = unsafe Self.text(PQerrorMessage(handle)) ?? "cannot connect"
      throw PostgresError(
        sqlState: nil, message: message, statement: "connect", isConnectionLost: true)
    }
    try execute(
      """
      SELECT set_config('statement_timeout', $1, false), set_config('TimeZone', 'UTC', false),
        set_config('DateStyle', 'ISO', false), set_config('jit', 'off', false)
      """, [String(settings.statementTimeoutMilliseconds)])
  }

  deinit { unsafe PQfinish(handle) }

  /// Whether libpq still believes that the session is alive (`PQstatus`).
  public var isOpen: Bool { unsafe PQstatus(handle) == CONNECTION_OK }

  /// Whether a transaction is open, be it sound or failed (`PQtransactionStatus`).
  public var isInTransaction: Bool {
    let status = unsafe PQtransactionStatus(handle)
    return status == PQTRANS_INTRANS || status == PQTRANS_INERROR || status == PQTRANS_ACTIVE
  }

  /// The server's version as a number such as 150006 (`PQserverVersion`).
  public var serverVersion: Int { Int(unsafe PQserverVersion(handle)) }

  /// The process of the server that serves the session (`PQbackendPID`).
  public var backendProcess: Int32 { unsafe PQbackendPID(handle) }

  /// A handle with which another thread can cancel what the session is doing.
  public func canceller() -> PostgresCanceller { unsafe PostgresCanceller(PQgetCancel(handle)) }

  /// Runs one statement (`PQexecParams`).
  ///
  /// - Parameters:
  ///   - statement: one SQL statement, with `$1`, `$2`, … for parameters.
  ///   - parameters: the parameters as text; nil is `NULL`.
  /// - Returns: the rows, all in memory, in text form.
  /// - Throws: ``PostgresError``.
  @discardableResult
  public func execute(
    _ statement: String, _ parameters: [String?] = []
  ) throws(PostgresError) -> PostgresRows {
    for case let parameter? in parameters where parameter.utf8.contains(0) {
      throw PostgresError(
        sqlState: nil, message: "a parameter contains U+0000", statement: statement)
    }
    guard let count = Int32(exactly: parameters.count), count <= 65_535 else {
      throw PostgresError(
        sqlState: nil, message: "more than 65535 parameters", statement: statement)
    }
    let values = CStringArray(parameters)
    let result = unsafe values.withPointers { values in
      unsafe PQexecParams(handle, statement, count, nil, values, nil, nil, 0)
    }
    return try unsafe checked(result, statement, expecting: [PGRES_TUPLES_OK, PGRES_COMMAND_OK])
  }

  /// Runs a script of several statements in the simple protocol (`PQexec`); without `BEGIN` of its
  /// own it is one transaction.
  ///
  /// - Throws: ``PostgresError``; nothing of the script has happened then.
  public func run(script: String) throws(PostgresError) {
    let result = unsafe PQexec(handle, script)
    _ = try unsafe checked(
      result, script, expecting: [PGRES_TUPLES_OK, PGRES_COMMAND_OK, PGRES_EMPTY_QUERY])
  }

  /// Takes a result of libpq over, or throws what it says.
  func checked(
    _ result: OpaquePointer?, _ statement: String, expecting states: [ExecStatusType]
  ) throws(PostgresError) -> PostgresRows {
    guard let result = unsafe result else { throw connectionFailure(statement) }
    let rows = unsafe PostgresRows(owning: result)
    guard states.contains(rows.status) else { throw failure(of: rows, statement) }
    return rows
  }

  /// The error that a result describes.
  func failure(of rows: PostgresRows, _ statement: String) -> PostgresError {
    let sqlState = rows.errorField(Int32(UInt8(ascii: "C")))
    let lost = !isOpen || sqlState.map(PostgresError.endOfSession.contains) ?? false
    let message = rows.errorField(Int32(UInt8(ascii: "M"))) ?? rows.errorMessage
    return PostgresError(
      sqlState: sqlState, message: message ?? "unexpected state of the session",
      detail: rows.errorField(Int32(UInt8(ascii: "D"))),
      hint: rows.errorField(Int32(UInt8(ascii: "H"))), statement: statement,
      isConnectionLost: lost)
  }

  /// The error that the connection describes when there is no result.
  func connectionFailure(_ statement: String) -> PostgresError {
    let message = unsafe Self.text(PQerrorMessage(handle)) ?? "the connection failed"
    return PostgresError(
      sqlState: nil, message: message, statement: statement, isConnectionLost: !isOpen)
  }

  /// A message of libpq without the space around it; nil if there is none.
  static func text(_ message: UnsafePointer<CChar>?) -> String? {
    guard let message = unsafe message else { return nil }
    let text = unsafe String(cString: message)
    guard let start = text.firstIndex(where: { !$0.isWhitespace }),
      let end = text.lastIndex(where: { !$0.isWhitespace })
    else { return nil }
    return String(text[start...end])
  }

  /// Whether libpq can parse the string; its complaint is dropped, since it quotes the string.
  private static func isValid(_ connectionString: String) -> Bool {
    let options = unsafe PQconninfoParse(connectionString, nil)
    guard let options = unsafe options else { return false }
    unsafe PQconninfoFree(options)
    return true
  }
}
