public import Authentication
internal import Glibc
internal import SegmentLog
public import Wire

/// A data directory that this process owns until the value is gone.
///
/// Its lock is that of `flock(2)` on the lock file: it ends with the process, however that ends,
/// and child processes do not inherit it.
public final class DataDirectory: Sendable {
  /// Where everything stands.
  public let layout: DataDirectoryLayout
  /// The identity.
  public let installation: Installation
  /// Whether this start made the directory's identity.
  public let isNew: Bool
  /// The public half of the key that certificates are signed with.
  public let certificateKey: VerificationKey
  /// Whether this start made the signing key.
  public let isSigningKeyNew: Bool
  private let lock: OpenFile

  /// Opens or creates a data directory, takes its lock, and reads or makes its identity.
  ///
  /// Its mode is 0700. As root it is 0711, since the private Postgres below it runs under another
  /// account; what is secret has a mode of its own.
  ///
  /// - Parameters:
  ///   - path: the directory; its parent must exist.
  ///   - partitionCount: the configured number of partitions, compared with the recorded one.
  ///   - now: the time that a new identity is made.
  /// - Throws: ``DataDirectoryError``; what exists is then unchanged.
  public init(
    path: String, partitionCount: UInt16, now: Timestamp
  ) throws(DataDirectoryError) {
    try Self.create(path)
    layout = try DataDirectoryLayout(existing: path)
    try Self.checkSafety(layout.path)
    lock = try Self.takeLock(layout)
    (installation, isNew) = try Self.identify(layout, partitionCount, now)
    (certificateKey, isSigningKeyNew) = try Self.readOrMakeSigningKey(layout)
    guard installation.partitionCount == partitionCount else {
      throw .partitionCountChanged(
        path: layout.path, recorded: installation.partitionCount, configured: partitionCount)
    }
  }

  /// Bytes that this process may still write to the disk (`f_bavail` of `statvfs(3)`).
  public func freeBytes() throws(SystemCallError) -> UInt64 {
    try FilePath.freeBytes(layout.path)
  }

  /// Makes the runtime directory (mode 0700), or checks the one that is there, and removes the
  /// control socket that a crashed service left behind.
  ///
  /// - Returns: its path.
  /// - Throws: ``DataDirectoryError/insecure(path:fact:)`` if it belongs to someone else or
  ///   is a link.
  public func prepareRuntimeDirectory() throws(DataDirectoryError) -> String {
    let path = layout.runtimeDirectory(of: installation)
    if unsafe mkdir(path, 0o700) != 0, errno != EEXIST {
      throw .system(SystemCallError("create", path, code: errno))
    }
    try layout.checkRuntimeDirectory(of: installation)
    let socket = layout.controlSocket(of: installation)
    if unsafe unlink(socket) != 0, errno != ENOENT {
      throw .system(SystemCallError("remove", socket, code: errno))
    }
    return path
  }

  private static func create(_ path: String) throws(DataDirectoryError) {
    if unsafe mkdir(path, geteuid() == 0 ? 0o711 : 0o700) == 0 {
      do throws(SystemCallError) {
        return try FileContents.syncDirectory(FilePath.parent(of: path))
      } catch {
        throw .system(error)
      }
    }
    let error = SystemCallError("create", path, code: errno)
    if error.code == EEXIST { return }
    if error.kind == .missing {
      let parent = FilePath.parent(of: path)
      // A file system such as /proc says so of a directory that exists.
      if (try? FileStatus(of: parent)) != nil { throw .notWritable(path: path, cause: error) }
      throw .parentMissing(path: path, parent: parent)
    }
    throw DataDirectoryLayout.error(error, path)
  }

  private static func checkSafety(_ path: String) throws(DataDirectoryError) {
    let status = try FileStatus.orError(of: path)
    if status.isWritableByOthers {
      throw .insecure(
        path: path,
        fact: "its mode is \(status.modeText), and others may write to it; chmod 700 \(path)")
    }
  }

  private static func takeLock(_ layout: DataDirectoryLayout) throws(DataDirectoryError) -> OpenFile
  {
    do throws(SystemCallError) {
      let file = try OpenFile(layout.lockFile, O_RDWR | O_CREAT | O_NOFOLLOW)
      try wait(forLockOn: file)
      try file.overwrite(Array("\(getpid())\n".utf8))
      return file
    } catch {
      if error.code == EWOULDBLOCK {
        throw .inUse(path: layout.path, processID: layout.lockHolder)
      }
      throw DataDirectoryLayout.error(error, layout.path)
    }
  }

  /// Takes the lock, or throws `EWOULDBLOCK` if somebody keeps it.
  ///
  /// A child that its parent has just forked holds a lock of the parent until it has become another
  /// program; so a lock that is held is asked for again for half a second.
  private static func wait(forLockOn file: OpenFile) throws(SystemCallError) {
    for _ in 0..<25 {
      if flock(file.descriptor, LOCK_EX | LOCK_NB) == 0 { return }
      guard errno == EWOULDBLOCK else { break }
      usleep(20_000)
    }
    try SystemCallError.check("lock", file.path) {
      Int(flock(file.descriptor, LOCK_EX | LOCK_NB))
    }
  }

  private static func identify(
    _ layout: DataDirectoryLayout, _ partitionCount: UInt16, _ now: Timestamp
  ) throws(DataDirectoryError) -> (Installation, isNew: Bool) {
    let file = layout.installationFile
    if let status = try? FileStatus(of: file) {
      guard status.isPrivate else {
        throw .insecure(
          path: file,
          fact: "its mode is \(status.modeText), and others may read its secret; chmod 600 \(file)")
      }
      return (try layout.readInstallation(), false)
    }
    // A new secret beside an old log would let every key in it be counted again.
    if layout.hasLog { throw .installationMissing(path: file) }
    let installation = Installation(partitionCount: partitionCount, created: now)
    do throws(SystemCallError) {
      try FileContents.replace(file, with: installation.encoded, mode: 0o600)
    } catch {
      throw DataDirectoryLayout.error(error, layout.path)
    }
    return (installation, true)
  }

  /// The signing key; a directory without one gets it now.
  private static func readOrMakeSigningKey(
    _ layout: DataDirectoryLayout
  ) throws(DataDirectoryError) -> (VerificationKey, isNew: Bool) {
    do throws(DataDirectoryError) {
      return (try layout.readSigningKey().publicKey, false)
    } catch {
      guard case .signingKeyMissing = error else { throw error }
    }
    let key = SigningKey()
    do throws(SystemCallError) {
      try FileContents.replace(
        layout.signingKeyFile, with: SigningKeyFile.encoded(key), mode: 0o600)
    } catch {
      throw DataDirectoryLayout.error(error, layout.path)
    }
    return (key.publicKey, true)
  }
}
