internal import Glibc

/// What `stat(2)` says of a file.
struct FileStatus: Sendable {
  let mode: UInt32
  let owner: UInt32
  let size: Int

  /// - Parameter followsLinks: false to learn of a symbolic link itself (`lstat(2)`).
  init(of path: String, followsLinks: Bool = true) throws(SystemCallError) {
    var status = stat()
    try SystemCallError.check("examine", path) {
      Int(unsafe followsLinks ? stat(path, &status) : lstat(path, &status))
    }
    mode = status.st_mode
    owner = status.st_uid
    size = Int(status.st_size)
  }

  var isRegularFile: Bool { mode & S_IFMT == S_IFREG }
  var isDirectory: Bool { mode & S_IFMT == S_IFDIR }

  /// Whether nobody but its owner may use it in any way.
  var isPrivate: Bool { mode & 0o077 == 0 }

  /// Whether others than its owner may write to it.
  var isWritableByOthers: Bool { mode & 0o022 != 0 }

  /// The permissions as `chmod(1)` takes them: `0600`.
  var modeText: String {
    let digits = String(mode & 0o7777, radix: 8)
    return String(repeating: "0", count: max(0, 4 - digits.count)) + digits
  }
}

/// Paths as text.
enum FilePath {
  /// The directory of a file: `/a` of `/a/b`, `/` of `/a`, `.` of `a`.
  static func parent(of path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
  }

  /// Bytes that this process may still write to the disk of a file or directory (`f_bavail` of
  /// `statvfs(3)`).
  static func freeBytes(_ path: String) throws(SystemCallError) -> UInt64 {
    var status = statvfs()
    try SystemCallError.check("examine", path) { Int(unsafe statvfs(path, &status)) }
    let (bytes, overflow) = UInt64(status.f_bavail).multipliedReportingOverflow(
      by: UInt64(status.f_frsize))
    return overflow ? .max : bytes
  }

  /// The path without links and dots (`realpath(3)`), which must exist.
  static func resolved(_ path: String) throws(SystemCallError) -> String {
    guard let text = unsafe realpath(path, nil) else {
      throw SystemCallError("find", path, code: errno)
    }
    defer { unsafe free(text) }
    return unsafe String(cString: text)
  }
}
