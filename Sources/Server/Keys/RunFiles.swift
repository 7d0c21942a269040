internal import CIntrinsics
public import Dedup
internal import Glibc
internal import SegmentLog
internal import Synchronization

/// The files of a partition's runs, in `keys/` below its directory.
///
/// A run is written beside its name, synced, and then named, so that a name always stands for a
/// whole file.
public final class RunFiles: RunStore {
  private let folder: String

  /// The runs in a folder, which is there already.
  public init(folder: String) { self.folder = folder }

  /// The runs below a partition's directory, which has the folder already.
  convenience init(_ files: PartitionFiles) { self.init(folder: files.keys) }

  /// What was found at a start.
  public struct Found {
    /// The runs that can be read, in no order.
    public var runs: [SealedRun] = []
    /// What was set aside: damaged files, with what is wrong.
    public var damaged: [(path: String, error: any Error)] = []
  }

  /// Opens every run. Damaged ones are set aside; what a crash left unfinished is removed.
  ///
  /// - Throws: ``SystemCallError`` if the folder or a file cannot be read.
  public func open() throws -> Found {
    var found = Found()
    for name in try FolderContents.names(folder) {
      let path = "\(folder)/\(name)"
      if name.hasSuffix(Self.unfinished) {
        _ = unsafe unlink(path)
        continue
      }
      guard let number = SegmentNames.runNumber(of: name), number < .max else { continue }
      do {
        found.runs.append(try SealedRun(opening: RunBytes(mapping: path), number: number))
      } catch let error as RunError {
        found.damaged.append((try setAside(number), error))
      }
    }
    return found
  }

  /// Keeps a damaged run out of the way of the next start.
  ///
  /// - Returns: where it is now.
  @discardableResult
  func setAside(_ number: UInt64) throws(SystemCallError) -> String {
    let (path, target) = (path(number), path(number) + ".damaged")
    try SystemCallError.check("rename", path) { Int(unsafe rename(path, target)) }
    try FileContents.syncDirectory(folder)
    return target
  }

  /// Begins a file beside its name, with room for all of it.
  public func begin(_ number: UInt64, byteCount: Int) throws -> any RunFile {
    try UnfinishedRun(path(number), byteCount: byteCount)
  }

  /// Removes a run's file; whoever has it mapped keeps it.
  public func remove(_ number: UInt64) { _ = unsafe unlink(path(number)) }

  private func path(_ number: UInt64) -> String { "\(folder)/\(SegmentNames.run(number))" }

  /// The suffix of a file that has no name yet.
  fileprivate static let unfinished = ".new"
}

/// A run's file that is being written.
private final class UnfinishedRun: RunFile {
  /// Bytes after which the file is synced, so that a sync of the log never waits for much of a run.
  private static let writeBackByteCount = 1 << 22

  private let name: String
  private let file: OpenFile
  private var offset = 4096
  private var written = 4096
  private var isSealed = false

  init(_ name: String, byteCount: Int) throws(SystemCallError) {
    self.name = name
    file = try OpenFile(name + RunFiles.unfinished, O_RDWR | O_CREAT | O_TRUNC)
    try SystemCallError.check("allocate", file.path) {
      // Full now is better than full in the middle.
      let code = posix_fallocate(file.descriptor, 0, off_t(byteCount))
      errno = code
      return code == 0 ? 0 : -1
    }
  }

  deinit {
    if !isSealed { _ = unsafe unlink(file.path) }
  }

  func append(_ bytes: RawSpan) throws {
    try write(bytes, at: offset)
    offset += bytes.byteCount
    guard offset - written >= Self.writeBackByteCount else { return }
    try SystemCallError.check("write", file.path) {
      Int(wb_write_back(file.descriptor, Int64(written), Int64(offset - written)))
    }
    written = offset
  }

  func seal(header: RawSpan) throws -> RunBytes {
    try write(header, at: 0)
    try SystemCallError.check("truncate", file.path) {
      Int(ftruncate(file.descriptor, off_t(offset)))
    }
    try file.sync()
    try SystemCallError.check("rename", file.path) { Int(unsafe rename(file.path, name)) }
    isSealed = true
    try FileContents.syncDirectory(FilePath.parent(of: name))
    return try RunBytes(mapping: name)
  }

  private func write(_ bytes: RawSpan, at offset: Int) throws(SystemCallError) {
    var done = 0
    while done < bytes.byteCount {
      let rest = bytes.extracting(done..<bytes.byteCount)
      done += try SystemCallError.check("write", file.path) {
        unsafe rest.withUnsafeBytes {
          unsafe pwrite(file.descriptor, $0.baseAddress, $0.count, off_t(offset + done))
        }
      }
    }
  }
}

extension RunBytes {
  /// The bytes of a file, mapped. Keys are looked up in no order, so no page is read ahead.
  fileprivate convenience init(mapping path: String) throws(SystemCallError) {
    let file = try MappedFile(path, access: MADV_RANDOM)
    unsafe self.init(file.pointers, owner: file)
  }
}
