internal import Glibc

extension DataDirectoryLayout {
  /// The id of the process that wrote itself into the lock file; nil if none did.
  ///
  /// It may have ended since: only ``DataDirectory`` knows whether the lock is held.
  public var lockHolder: Int32? {
    guard let bytes = try? FileContents.read(lockFile, limit: 64) else { return nil }
    return Int32(String(decoding: bytes.prefix { $0 != 10 }, as: UTF8.self))
  }

  /// Checks that nobody else could have put a socket into the runtime directory; commands call it
  /// before they connect.
  ///
  /// - Throws: ``DataDirectoryError/insecure(path:fact:)`` if it is a link, or belongs to someone
  ///   else than the owner of the data directory, or others may write to it;
  ///   ``DataDirectoryError/system(_:)`` if it is not there.
  public func checkRuntimeDirectory(of installation: Installation) throws(DataDirectoryError) {
    let path = runtimeDirectory(of: installation)
    let owner = try FileStatus.orError(of: self.path).owner
    let status: FileStatus
    do throws(SystemCallError) {
      status = try FileStatus(of: path, followsLinks: false)
    } catch {
      throw .system(error)
    }
    guard status.isDirectory else {
      throw .insecure(path: path, fact: "it is not a directory; remove it")
    }
    guard status.owner == owner || status.owner == geteuid() else {
      throw .insecure(path: path, fact: "it belongs to user \(status.owner), not to user \(owner)")
    }
    guard !status.isWritableByOthers else {
      throw .insecure(
        path: path, fact: "its mode is \(status.modeText), and others may write to it")
    }
  }
}

extension FileStatus {
  /// The status of a file of a data directory.
  static func orError(of path: String) throws(DataDirectoryError) -> FileStatus {
    do throws(SystemCallError) {
      return try FileStatus(of: path)
    } catch {
      throw .system(error)
    }
  }
}
