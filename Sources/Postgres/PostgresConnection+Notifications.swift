internal import CLibPQ
internal import Glibc

/// One message of `NOTIFY`.
public struct PostgresNotification: Sendable, Hashable {
  /// The channel.
  public var channel: String
  /// The text that came with it.
  public var payload: String
  /// The server process that sent it.
  public var sender: Int32
}

extension PostgresConnection {
  /// Begins to listen to a channel (`LISTEN`).
  public func listen(to channel: String) throws(PostgresError) {
    let quoted = channel.replacing("\"", with: "\"\"")
    try execute("LISTEN \"\(quoted)\"")
  }

  /// The messages that have come, waiting for the first one if there are none.
  ///
  /// - Parameter milliseconds: how long to wait at most; 0 only looks.
  /// - Returns: the messages in order of arrival; empty if none came in time.
  /// - Throws: ``PostgresError`` if the connection is gone.
  public func notifications(
    waitingMilliseconds milliseconds: Int32
  ) throws(PostgresError) -> [PostgresNotification] {
    var found = try received()
    if found.isEmpty, milliseconds > 0 {
      var descriptor = pollfd(fd: unsafe PQsocket(handle), events: Int16(POLLIN), revents: 0)
      if unsafe poll(&descriptor, 1, milliseconds) > 0 { found = try received() }
    }
    return found
  }

  private func received() throws(PostgresError) -> [PostgresNotification] {
    guard unsafe PQconsumeInput(handle) == 1 else { throw connectionFailure("LISTEN") }
    var found: [PostgresNotification] = []
    while let message = unsafe PQnotifies(handle) {
      found.append(
        PostgresNotification(
          channel: unsafe String(cString: message.pointee.relname),
          payload: unsafe String(cString: message.pointee.extra),
          sender: unsafe message.pointee.be_pid))
      unsafe PQfreemem(message)
    }
    return found
  }
}
