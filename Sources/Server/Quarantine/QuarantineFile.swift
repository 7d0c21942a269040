internal import Foundation
internal import Glibc

/// The bounded file of what was authentic and rejected: NDJSON in two files that take turns, so
/// that the oldest entries leave first.
///
/// Any thread may write, one after the other. What cannot be written is counted, and stops nothing:
/// the verdicts are in the log.
public final class QuarantineFile: @unchecked Sendable {
  private let directory: String
  /// The size of one of the two files at most.
  private let limit: Int
  private var file: OpenFile?
  private var size = 0
  private var lastNumber: UInt64 = 0
  private var lostEntries: UInt64 = 0
  /// Guards everything that changes.
  private let lock = NSLock()

  /// Entries that could not be written.
  var lost: UInt64 { lock.withLock { lostEntries } }

  /// More than the longest line: what is read of a file to find its last entry.
  private static let tail = 1 << 20

  /// The quarantine in a directory, of at most this many bytes.
  init(directory: String, maximumBytes: Int) {
    self.directory = directory
    limit = maximumBytes / 2
  }

  /// The paths of the older and the newer file below a data directory.
  public static func paths(in directory: String) -> [String] {
    ["\(directory)/rejected.1.ndjson", "\(directory)/rejected.ndjson"]
  }

  /// Every entry, ascending by number; lines that a crash tore are left out.
  public static func read(in directory: String) -> [QuarantineEntry] {
    // The newer file first: if the files change turns meanwhile it is read twice, not left out.
    let newer = entries(of: FileManager.default.contents(atPath: paths(in: directory)[1]))
    let older = entries(of: FileManager.default.contents(atPath: paths(in: directory)[0]))
    guard let first = newer.first else { return older }
    return older.filter { $0.number < first.number } + newer
  }

  private static func entries(of data: Data?) -> [QuarantineEntry] {
    let decoder = JSONDecoder()
    return (data ?? Data()).split(separator: UInt8(ascii: "\n")).compactMap {
      try? decoder.decode(QuarantineEntry.self, from: $0)
    }
  }

  /// Numbers entries and appends them.
  func append(_ entries: [QuarantineEntry]) {
    lock.withLock { lostEntries += UInt64(entries.count - write(entries)) }
  }

  /// - Returns: how many were written.
  private func write(_ entries: [QuarantineEntry]) -> Int {
    var written = 0
    do throws(SystemCallError) {
      if file == nil { try open() }
      var lines: [UInt8] = []
      var waiting = 0
      for var entry in entries {
        lastNumber += 1
        entry.number = lastNumber
        let line = ControlCoding.line(entry)
        guard line.count <= limit else { continue }
        if size + lines.count + line.count > limit {
          try write(lines)
          written += waiting
          (lines, waiting) = ([], 0)
          try changeTurns()
        }
        lines += line
        waiting += 1
      }
      try write(lines)
      written += waiting
    } catch {
      // The next attempt looks at what is there, and begins a line of its own.
      file = nil
    }
    return written
  }

  private func write(_ lines: [UInt8]) throws(SystemCallError) {
    guard let file, !lines.isEmpty else { return }
    let written = try SystemCallError.check("write", file.path) {
      unsafe Glibc.write(file.descriptor, lines, lines.count)
    }
    guard written == lines.count else { throw SystemCallError("write", file.path, code: ENOSPC) }
    size += written
  }

  /// Makes the newer file the older one and begins another.
  private func changeTurns() throws(SystemCallError) {
    let paths = Self.paths(in: directory)
    try SystemCallError.check("rename", paths[1]) { Int(unsafe rename(paths[1], paths[0])) }
    file = try OpenFile(paths[1], O_RDWR | O_CREAT | O_APPEND)
    size = 0
  }

  /// Opens the newer file, and finds the number of the last entry.
  private func open() throws(SystemCallError) {
    if unsafe mkdir(directory, 0o700) != 0, errno != EEXIST {
      throw SystemCallError("create", directory, code: errno)
    }
    let paths = Self.paths(in: directory)
    let newer = try OpenFile(paths[1], O_RDWR | O_CREAT | O_APPEND)
    var tail = try Self.tail(of: newer)
    file = newer
    size = try FileStatus(of: paths[1]).size
    if let last = tail.last, last != UInt8(ascii: "\n") { try write([UInt8(ascii: "\n")]) }
    if Self.entries(of: Data(tail)).isEmpty, (try? FileStatus(of: paths[0])) != nil {
      tail = try Self.tail(of: OpenFile(paths[0], O_RDONLY))
    }
    lastNumber = max(lastNumber, Self.entries(of: Data(tail)).last?.number ?? 0)
  }

  /// The last bytes of a file.
  private static func tail(of file: OpenFile) throws(SystemCallError) -> [UInt8] {
    let size = try FileStatus(of: file.path).size
    var bytes = [UInt8](repeating: 0, count: min(size, tail))
    let read = try SystemCallError.check("read", file.path) {
      unsafe pread(file.descriptor, &bytes, bytes.count, off_t(size - bytes.count))
    }
    return Array(bytes.prefix(read))
  }
}
