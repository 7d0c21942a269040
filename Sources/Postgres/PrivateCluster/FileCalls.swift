internal import Glibc

/// The sentence of an error number (`strerror_r`).
func systemMessage(_ number: Int32) -> String {
  unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { buffer in
    guard let start = buffer.baseAddress, unsafe strerror_r(number, start, buffer.count) == 0
    else { return "error \(number)" }
    return unsafe String(cString: start)
  }
}

/// Files and directories of the private cluster, through system calls.
enum FileCalls {
  /// What `lstat` says, without following a symbolic link; nil if there is nothing.
  static func status(_ path: String) -> stat? {
    var status = stat()
    return unsafe lstat(path, &status) == 0 ? status : nil
  }

  /// Whether a path names a file that may be executed.
  static func isExecutable(_ path: String) -> Bool { unsafe access(path, X_OK) == 0 }

  /// Makes a directory with mode 0700; one that exists is left as it is.
  static func makeDirectory(_ path: String) throws(PrivateClusterError) {
    if unsafe mkdir(path, 0o700) != 0, errno != EEXIST { throw failure("make", path) }
  }

  /// Gives a directory or file to an account.
  static func give(_ path: String, to account: ServerAccount) throws(PrivateClusterError) {
    guard account.isOther else { return }
    if unsafe lchown(path, account.user, account.group) != 0 { throw failure("chown", path) }
  }

  /// The whole text of a small file, or nil if it cannot be read.
  static func text(of path: String) -> String? {
    let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    return text(from: descriptor, limit: 1 << 20)
  }

  /// All that a descriptor gives until its end, up to a limit.
  static func text(from descriptor: Int32, limit: Int) -> String {
    var text: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 4_096)
    while true {
      let count = unsafe read(descriptor, &chunk, chunk.count)
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { break }
      if text.count < limit { text += chunk[..<count] }
    }
    return String(decoding: text, as: UTF8.self)
  }

  /// Writes a file anew with mode 0600, by a new name that then takes the old one's place.
  static func write(
    _ text: String, to path: String, for account: ServerAccount
  ) throws(PrivateClusterError) {
    let fresh = path + ".new"
    _ = unsafe unlink(fresh)
    let flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC
    let descriptor = unsafe open(fresh, flags, 0o600)
    guard descriptor >= 0 else { throw failure("write", fresh) }
    defer { close(descriptor) }
    var bytes = Array(text.utf8)[...]
    while !bytes.isEmpty {
      let written = unsafe bytes.withUnsafeBytes {
        unsafe Glibc.write(descriptor, $0.baseAddress, $0.count)
      }
      if written < 0, errno == EINTR { continue }
      guard written > 0 else { throw failure("write", fresh) }
      bytes = bytes.dropFirst(written)
    }
    if fsync(descriptor) != 0 { throw failure("sync", fresh) }
    try give(fresh, to: account)
    try rename(fresh, to: path)
  }

  /// Renames a file or directory.
  static func rename(_ path: String, to target: String) throws(PrivateClusterError) {
    if unsafe Glibc.rename(path, target) != 0 { throw failure("rename", path) }
  }

  /// Removes a file that may be absent.
  static func remove(_ path: String) throws(PrivateClusterError) {
    if unsafe unlink(path) != 0, errno != ENOENT { throw failure("remove", path) }
  }

  /// The target of a symbolic link, or nil.
  static func target(ofLink path: String) -> String? {
    var buffer = [CChar](repeating: 0, count: 4_096)
    let count = unsafe readlink(path, &buffer, buffer.count)
    guard count > 0 else { return nil }
    return String(decoding: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  /// The path without symbolic links and dots (`realpath`), or nil if nothing is there.
  static func resolved(_ path: String) -> String? {
    guard let resolved = unsafe realpath(path, nil) else { return nil }
    defer { unsafe free(resolved) }
    return unsafe String(cString: resolved)
  }

  private static func failure(_ operation: String, _ path: String) -> PrivateClusterError {
    .fileOperation(operation: operation, path: path, errno: errno)
  }
}
