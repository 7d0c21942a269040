internal import Glibc

/// A call of the operating system that failed.
public struct SystemCallError: Error, Sendable, Hashable, CustomStringConvertible {
  /// What was tried, such as `open`.
  public var operation: String
  /// The file or directory.
  public var path: String
  /// The number of the error (`errno(3)`).
  public var code: Int32

  /// A call that failed with this error number.
  public init(_ operation: String, _ path: String, code: Int32) {
    self.operation = operation
    self.path = path
    self.code = code
  }

  /// The words of `strerror(3)`.
  public var reason: String {
    unsafe strerror(code).map { unsafe String(cString: $0) } ?? "error \(code)"
  }

  /// The description where the path stands before it: `cannot open it: No such file or directory`.
  var withoutPath: String { "cannot \(operation) it: \(reason)" }

  /// `cannot open /etc/x: No such file or directory`.
  public var description: String { "cannot \(operation) \(path): \(reason)" }

  /// The one way from a result of C to Swift: repeats an interrupted call, and throws for −1.
  @discardableResult
  static func check(
    _ operation: String, _ path: String, _ call: () -> Int
  ) throws(SystemCallError) -> Int {
    while true {
      let result = call()
      if result != -1 { return result }
      if errno != EINTR { throw SystemCallError(operation, path, code: errno) }
    }
  }
}

extension SystemCallError {
  /// What a caller may have to tell apart.
  enum Kind: Sendable {
    /// It does not exist.
    case missing
    /// Something else than a directory stands there or above.
    case notADirectory
    /// Permissions, or a file system that cannot be written.
    case denied
    /// Anything else.
    case other
  }

  var kind: Kind {
    switch code {
    case ENOENT: .missing
    case ENOTDIR: .notADirectory
    case EACCES, EPERM, EROFS: .denied
    default: .other
    }
  }
}
