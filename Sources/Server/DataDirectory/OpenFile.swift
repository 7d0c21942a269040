internal import Glibc

/// One open file or directory; closed when it is no longer held. Not inherited by child processes.
final class OpenFile: Sendable {
  let descriptor: Int32
  let path: String

  /// Opens a file (`open(2)` with `O_CLOEXEC`); `mode` is for one that is created.
  init(_ path: String, _ flags: Int32, mode: UInt32 = 0o600) throws(SystemCallError) {
    let operation = flags & O_CREAT == 0 ? "open" : "create"
    descriptor = Int32(
      truncatingIfNeeded: try SystemCallError.check(operation, path) {
        Int(unsafe open(path, flags | O_CLOEXEC, mode))
      })
    self.path = path
  }

  deinit { close(descriptor) }

  /// Reads from where the file stands to its end, pipes too, at most `limit` bytes.
  func readAll(limit: Int) throws(SystemCallError) -> [UInt8] {
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = try SystemCallError.check("read", path) {
        unsafe Glibc.read(descriptor, &chunk, chunk.count)
      }
      if count == 0 { return bytes }
      guard bytes.count + count <= limit else {
        throw SystemCallError("read", path, code: EFBIG)
      }
      bytes += chunk[..<count]
    }
  }

  /// Replaces the contents; not synced.
  func overwrite(_ bytes: [UInt8]) throws(SystemCallError) {
    try SystemCallError.check("truncate", path) { Int(ftruncate(descriptor, 0)) }
    var offset = 0
    while offset < bytes.count {
      let rest = Array(bytes[offset...])
      offset += try SystemCallError.check("write", path) {
        unsafe pwrite(descriptor, rest, rest.count, off_t(offset))
      }
    }
  }

  /// Waits until contents, or the entries of a directory, are on the disk (`fsync(2)`).
  func sync() throws(SystemCallError) {
    try SystemCallError.check("sync", path) { Int(fsync(descriptor)) }
  }
}

/// Reading whole small files.
enum FileContents {
  /// The bytes of a file.
  ///
  /// - Throws: also if it has more than `limit` bytes (`EFBIG`).
  static func read(_ path: String, limit: Int) throws(SystemCallError) -> [UInt8] {
    try OpenFile(path, O_RDONLY).readAll(limit: limit)
  }

  /// Puts a file in place so that after a crash either the old or the new contents are there:
  /// a file beside it is written and synced, renamed, and its directory synced.
  static func replace(
    _ path: String, with bytes: [UInt8], mode: UInt32
  ) throws(SystemCallError) {
    let temporary = path + ".new"
    let file = try OpenFile(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, mode: mode)
    try SystemCallError.check("chmod", temporary) { Int(fchmod(file.descriptor, mode)) }
    try file.overwrite(bytes)
    try file.sync()
    try SystemCallError.check("rename", temporary) { Int(unsafe rename(temporary, path)) }
    try syncDirectory(FilePath.parent(of: path))
  }

  /// Waits until the entries of a directory are on the disk.
  static func syncDirectory(_ path: String) throws(SystemCallError) {
    try OpenFile(path, O_RDONLY | O_DIRECTORY).sync()
  }
}
