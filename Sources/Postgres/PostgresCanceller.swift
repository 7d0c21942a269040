internal import CLibPQ

/// Cancels what a session is doing, from any thread. Owns one `PGcancel` of libpq.
///
/// `PQcancel` opens a connection of its own and does not touch the session's, so it is safe beside
/// the thread that owns the connection; the object is never written after it was made.
@safe public final class PostgresCanceller: @unchecked Sendable {
  private let handle: OpaquePointer?

  init(_ handle: OpaquePointer?) { unsafe self.handle = handle }

  deinit { unsafe PQfreeCancel(handle) }

  /// Asks the server to cancel the running statement, which then fails with SQLSTATE 57014. Nothing
  /// happens if none is running.
  ///
  /// - Returns: whether the request was sent.
  @discardableResult
  public func cancel() -> Bool {
    guard let handle = unsafe handle else { return false }
    return unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { message in
      unsafe PQcancel(handle, message.baseAddress, Int32(message.count)) == 1
    }
  }
}
