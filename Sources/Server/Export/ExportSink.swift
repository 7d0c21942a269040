internal import Compression
internal import Glibc

/// How an export is compressed.
public enum ExportCompression: String, Codable, Sendable, CaseIterable {
  /// One gzip member (RFC 1952).
  case gzip
  /// One zstd frame (RFC 8878).
  case zstd
  /// As it is.
  case none
}

/// Where an export goes: text that comes row by row, in large pieces, compressed on the way.
///
/// Memory is bounded whatever the length. One thread uses a sink.
public final class ExportSink {
  /// Where the bytes go.
  public enum Target: Sendable, Hashable {
    /// Standard output.
    case standardOutput
    /// A file. It is written beside its place (`FILE.part`), and synced and renamed at the end, so
    /// that there is never half of it; its mode is 0600.
    case file(String)
    /// Nowhere: the bytes are counted.
    case nowhere
  }

  /// Bytes of text that were given.
  public private(set) var textBytes = 0
  /// Bytes that the target got; after ``finish()`` all of them.
  public private(set) var writtenBytes = 0

  private static let pieceLength = 1 << 16

  private let target: Target
  /// Bytes that are left free on the disk of a file.
  private let reserve: UInt64
  private let stream: Stream
  private let file: OpenFile?
  private var isPlaced = false
  private var text: [UInt8] = []
  private var ready: [UInt8] = []

  private enum Stream {
    case gzip(GzipStream)
    case zstd(ZstdStream)
    case plain
  }

  /// A sink without content yet.
  ///
  /// - Parameters:
  ///   - target: where the bytes go.
  ///   - compression: how they are compressed.
  ///   - reserve: bytes that must be left free on the disk of a file.
  /// - Throws: ``CommandFailure`` if the file cannot be made, or if something else than a file is
  ///   in its place.
  public init(
    _ target: Target, compression: ExportCompression, reserve: UInt64 = 0
  ) throws(CommandFailure) {
    self.target = target
    self.reserve = reserve
    stream =
      switch compression {
      case .gzip: .gzip(GzipStream())
      case .zstd: .zstd(ZstdStream())
      case .none: .plain
      }
    guard case .file(let path) = target else {
      file = nil
      return
    }
    do throws(SystemCallError) {
      if let status = try? FileStatus(of: path), !status.isRegularFile {
        throw SystemCallError("replace", path, code: status.isDirectory ? EISDIR : EEXIST)
      }
      file = try OpenFile(
        path + Self.partSuffix, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, mode: 0o600)
    } catch {
      throw CommandFailure("\(error)")
    }
  }

  private static let partSuffix = ".part"

  deinit {
    if let file, !isPlaced { unsafe unlink(file.path) }
  }

  /// Takes text.
  ///
  /// - Throws: ``CommandFailure`` if the bytes cannot be written, such as on a full disk or to a
  ///   pipe that nobody reads any more.
  public func add(_ more: String) throws(CommandFailure) {
    text += more.utf8
    if text.count >= Self.pieceLength { try pass() }
  }

  /// Writes what is left, and puts the file in place.
  ///
  /// - Throws: ``CommandFailure``; the file is then as it was before.
  public func finish() throws(CommandFailure) {
    try pass()
    switch stream {
    case .gzip(let gzip): gzip.finish(into: &ready)
    case .zstd(let zstd): zstd.finish(into: &ready)
    case .plain: break
    }
    try write()
    guard let file, case .file(let path) = target else { return }
    do throws(SystemCallError) {
      try file.sync()
      try SystemCallError.check("rename", file.path) { Int(unsafe rename(file.path, path)) }
      isPlaced = true
      try FileContents.syncDirectory(FilePath.parent(of: path))
    } catch {
      throw CommandFailure("\(error)")
    }
  }

  private func pass() throws(CommandFailure) {
    textBytes += text.count
    switch stream {
    case .gzip(let gzip): gzip.compress(text, into: &ready)
    case .zstd(let zstd): zstd.compress(text, into: &ready)
    case .plain: ready += text
    }
    text.removeAll(keepingCapacity: true)
    if ready.count >= Self.pieceLength { try write() }
  }

  private func write() throws(CommandFailure) {
    defer { ready.removeAll(keepingCapacity: true) }
    let descriptor: Int32
    switch target {
    case .nowhere:
      writtenBytes += ready.count
      return
    case .standardOutput: descriptor = STDOUT_FILENO
    case .file: descriptor = file?.descriptor ?? -1
    }
    try requireRoom()
    var offset = 0
    while offset < ready.count {
      do throws(SystemCallError) {
        let count = try SystemCallError.check("write", name) {
          unsafe ready.withUnsafeBytes { bytes in
            let rest = unsafe UnsafeRawBufferPointer(rebasing: bytes[offset...])
            return unsafe Glibc.write(descriptor, rest.baseAddress, rest.count)
          }
        }
        offset += count
        writtenBytes += count
      } catch {
        guard error.code == EPIPE else { throw CommandFailure("\(error)") }
        throw CommandFailure(
          "nobody reads standard output any more; \(writtenBytes) bytes were written")
      }
    }
  }

  private func requireRoom() throws(CommandFailure) {
    guard reserve > 0, let file, let free = try? FilePath.freeBytes(file.path) else { return }
    guard free < UInt64(ready.count) || free - UInt64(ready.count) < reserve else { return }
    throw CommandFailure(
      "cannot write \(file.path): \(free) bytes are free on its disk, and \(reserve) stay free")
  }

  private var name: String {
    if case .file(let path) = target { path } else { "standard output" }
  }
}
