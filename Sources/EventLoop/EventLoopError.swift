internal import CLibUV
internal import Glibc

/// What the operating system or libuv refused.
///
/// Every error code of libuv and every `errno` of this module comes through here.
public struct EventLoopError: Error, Hashable, Sendable {
  /// What was tried: the name of the system call or of libuv's function.
  public let operation: String
  /// The symbolic name, such as `EADDRINUSE`.
  public let name: String
  /// The system's sentence, such as `address already in use`.
  public let message: String
  /// What it was tried on: an address, a path; `nil` where there is none.
  public let address: String?

  /// An error that this module states itself.
  init(operation: String, name: String, message: String, address: String?) {
    self.operation = operation
    self.name = name
    self.message = message
    self.address = address
  }

  /// An error from a libuv status, which is a negated `errno` or one of libuv's own codes
  /// (`uv_err_name_r`, `uv_strerror_r`).
  init(code: Int32, operation: String, address: String? = nil) {
    self.init(
      operation: operation,
      name: unsafe Self.text(of: code, uv_err_name_r),
      message: unsafe Self.text(of: code, uv_strerror_r),
      address: address)
  }

  /// An error from the calling thread's `errno`.
  static func fromErrno(_ operation: String, _ address: String? = nil) -> EventLoopError {
    EventLoopError(code: uv_translate_sys_error(errno), operation: operation, address: address)
  }

  private static func text(
    of code: Int32,
    _ function: (Int32, UnsafeMutablePointer<CChar>?, Int) -> UnsafeMutablePointer<CChar>?
  ) -> String {
    unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: 128) { buffer in
      guard let text = unsafe function(code, buffer.baseAddress, buffer.count) else { return "" }
      return unsafe String(cString: text)
    }
  }
}

extension EventLoopError: CustomStringConvertible {
  /// For example `bind [::1]:4040: address already in use (EADDRINUSE)`.
  public var description: String {
    let place = address.map { " \($0)" } ?? ""
    return "\(operation)\(place): \(message) (\(name))"
  }
}

/// The funnel for libuv's status codes: negative is an error.
@discardableResult
func check(
  _ status: Int32, _ operation: String, _ address: @autoclosure () -> String? = nil
) throws(EventLoopError) -> Int32 {
  guard status >= 0 else {
    throw EventLoopError(code: status, operation: operation, address: address())
  }
  return status
}

/// The funnel for system calls: −1 is an error and `errno` says which.
@discardableResult
func checkErrno(
  _ result: Int32, _ operation: String, _ address: @autoclosure () -> String? = nil
) throws(EventLoopError) -> Int32 {
  guard result != -1 else { throw EventLoopError.fromErrno(operation, address()) }
  return result
}

/// The funnel for libuv functions that fail only when this module misuses them.
func expect(_ status: Int32, _ operation: StaticString) {
  guard status >= 0 else {
    fatalError("BUG: \(EventLoopError(code: status, operation: "\(operation)"))")
  }
}
