internal import CLibPQ

extension PostgresConnection {
  /// Sends rows with a binary `COPY … FROM STDIN` (`PQputCopyData`).
  ///
  /// - Parameters:
  ///   - table: the table and its columns, such as `staging (tenant, hour)`, trusted SQL.
  ///   - columns: number of columns.
  ///   - body: writes the rows. If it throws, the copy is ended with an error on the server, which
  ///     fails the transaction, and its error is thrown on.
  /// - Returns: number of rows that the server took.
  /// - Throws: ``PostgresError``.
  @discardableResult
  public func copy(
    into table: String, columns: Int16,
    _ body: (inout BinaryCopyWriter) throws(PostgresError) -> Void
  ) throws(PostgresError) -> Int {
    let statement = "COPY \(table) FROM STDIN (FORMAT binary)"
    let started = unsafe PQexec(handle, statement)
    _ = try unsafe checked(started, statement, expecting: [PGRES_COPY_IN])
    do throws(PostgresError) {
      var writer = BinaryCopyWriter(connection: self, columns: columns)
      try body(&writer)
      try writer.finish()
    } catch {
      if isOpen { _ = try? endCopy(statement, complaint: "the writer of the rows failed") }
      throw error
    }
    return try endCopy(statement, complaint: nil)
  }

  /// Sends a piece of the stream.
  func putCopyData(_ bytes: UnsafeRawBufferPointer) throws(PostgresError) {
    let start = unsafe bytes.bindMemory(to: CChar.self).baseAddress
    guard unsafe PQputCopyData(handle, start, Int32(bytes.count)) == 1 else {
      throw connectionFailure("COPY")
    }
  }

  /// Ends the stream and reads all results, so that the session is ready again.
  @discardableResult
  private func endCopy(_ statement: String, complaint: String?) throws(PostgresError) -> Int {
    guard unsafe PQputCopyEnd(handle, complaint) == 1 else { throw connectionFailure(statement) }
    var rows = 0
    var firstError: PostgresError?
    while let result = unsafe PQgetResult(handle) {
      do throws(PostgresError) {
        let answer = try unsafe checked(result, statement, expecting: [PGRES_COMMAND_OK])
        rows = answer.affectedRows
      } catch {
        if firstError == nil { firstError = error }
        if !isOpen { break }
      }
    }
    if var firstError {
      firstError.isConnectionLost = firstError.isConnectionLost || !isOpen
      throw firstError
    }
    return rows
  }
}
