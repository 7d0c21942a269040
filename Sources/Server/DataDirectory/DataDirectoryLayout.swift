internal import SegmentLog
internal import Wire

/// Where everything stands in an existing data directory, alike for the service and for commands
/// that look at it from outside. Nothing is locked or changed.
public struct DataDirectoryLayout: Sendable, Hashable {
  /// The directory without links and dots, so that every way to name it leads to the same sockets.
  public let path: String

  /// The longest path that a Unix socket can have: `sun_path` has 108 bytes with its end.
  public static let maximumSocketPath = 107

  /// Names below the runtime directory; the longest decides where that directory is.
  private static let controlName = "control"
  private static let postgresName = "postgres"
  private static let postgresSocketName = "postgres/.s.PGSQL.5432"

  /// The layout of an existing data directory.
  ///
  /// - Throws: ``DataDirectoryError`` if there is none.
  public init(existing path: String) throws(DataDirectoryError) {
    do throws(SystemCallError) {
      self.path = try FilePath.resolved(path)
      guard try FileStatus(of: path).isDirectory else { throw SystemCallError("", "", code: 0) }
    } catch {
      throw error.code == 0 ? .notADirectory(path: path) : DataDirectoryLayout.error(error, path)
    }
  }

  /// The file of the installation's identity.
  public var installationFile: String { "\(path)/\(SegmentNames.installation)" }

  /// The file of the private key that certificates are signed with.
  public var signingKeyFile: String { "\(path)/\(SegmentNames.signingKey)" }

  /// The file whose lock says that a service owns the directory.
  public var lockFile: String { "\(path)/\(SegmentNames.lock)" }

  /// The directory of one partition.
  public func partition(_ number: UInt16) -> String {
    "\(path)/\(SegmentNames.partition(number))"
  }

  /// The directory of what was authentic and rejected, one for all partitions.
  public var quarantine: String { "\(partition(0))/\(SegmentNames.quarantine)" }

  /// The directory of the private Postgres cluster.
  public var postgresCluster: String { "\(path)/postgres" }

  /// The directory of what export jobs write, unless another one is configured.
  var exports: String { "\(path)/exports" }

  /// Whether there is a log, of whatever length.
  var hasLog: Bool { (try? FileStatus(of: partition(0))) != nil }

  /// Reads the identity.
  ///
  /// - Throws: ``DataDirectoryError`` if it is missing, unreadable or newer than this version.
  public func readInstallation() throws(DataDirectoryError) -> Installation {
    let bytes: [UInt8]
    do throws(SystemCallError) {
      bytes = try FileContents.read(installationFile, limit: 1 << 16)
    } catch {
      guard error.kind == .missing else { throw .system(error) }
      throw hasLog ? .installationMissing(path: installationFile) : .missing(path: path)
    }
    return try Installation(decoding: bytes, path: installationFile)
  }

  /// The directory of sockets: `run` in the data directory, or if that is too long for a socket a
  /// directory in `/tmp` that is named by the installation's id.
  public func runtimeDirectory(of installation: Installation) -> String {
    let near = "\(path)/run"
    if "\(near)/\(Self.postgresSocketName)".utf8.count <= Self.maximumSocketPath { return near }
    return "/tmp/weighbridge-\(Hexadecimal.text(of: installation.id.bits))"
  }

  /// The path of the control socket.
  public func controlSocket(of installation: Installation) -> String {
    "\(runtimeDirectory(of: installation))/\(Self.controlName)"
  }

  /// The directory of the private cluster's socket.
  public func postgresSocketDirectory(of installation: Installation) -> String {
    "\(runtimeDirectory(of: installation))/\(Self.postgresName)"
  }

  /// The error of the data directory that an error of a call on it means.
  static func error(_ error: SystemCallError, _ path: String) -> DataDirectoryError {
    switch error.kind {
    case .missing: .missing(path: path)
    case .notADirectory: .notADirectory(path: path)
    case .denied: .notWritable(path: path, cause: error)
    case .other: .system(error)
    }
  }
}
