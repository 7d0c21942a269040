/// A statement or a connection that failed, with what the server said about it.
///
/// The description never holds a connection string, so no password either.
public struct PostgresError: Error, Sendable, Equatable {
  /// The five characters of the SQLSTATE; nil if the failure did not come from the server.
  public var sqlState: String?
  /// The server's or libpq's sentence.
  public var message: String
  /// The server's detail line.
  public var detail: String?
  /// The server's hint line.
  public var hint: String?
  /// The statement, cut to its first 200 bytes, or what was being done.
  public var statement: String
  /// Whether the connection is gone; the transaction then is, too, unless it was in its `COMMIT`.
  public var isConnectionLost: Bool

  /// A failure with the server's fields.
  public init(
    sqlState: String?, message: String, detail: String? = nil, hint: String? = nil,
    statement: String, isConnectionLost: Bool = false
  ) {
    self.sqlState = sqlState
    self.message = message
    self.detail = detail
    self.hint = hint
    self.statement = String(statement.prefix(200))
    self.isConnectionLost = isConnectionLost
  }

  /// Whether the same transaction may succeed when it is run again: serialization failure (40001)
  /// or deadlock (40P01).
  public var isRetryable: Bool { sqlState == "40001" || sqlState == "40P01" }

  /// Whether the statement was cancelled, by ``PostgresCanceller`` or by a timeout (57014).
  public var isCancelled: Bool { sqlState == "57014" }

  /// SQLSTATEs with which a server ends a session: shutdown, crash, not ready.
  static let endOfSession: Set<String> = ["57P01", "57P02", "57P03", "57P04", "57P05"]
}

extension PostgresError: CustomStringConvertible {
  /// One line: SQLSTATE, message, detail, hint and statement. Line breaks and tabs, which libpq and
  /// statements have, are written as spaces.
  public var description: String {
    var line = message
    if let sqlState { line = "[\(sqlState)] \(line)" }
    if let detail { line += " (\(detail))" }
    if let hint { line += " Hint: \(hint)" }
    return "\(line) — in: \(statement)".split(whereSeparator: \.isWhitespace)
      .joined(separator: " ")
  }
}
