internal import Glibc

/// The directory of the cluster's unix socket.
enum SocketDirectory {
  /// Longest path of a unix socket: `sun_path` has 108 bytes, the last one a zero.
  static let longestPath = 107

  /// Makes the directory: inside the cluster's folder, or, if that path is too long for a socket,
  /// under `/tmp` with a name made from the folder's path.
  ///
  /// - Throws: ``PrivateClusterError/directoryNotPrivate(directory:reason:)`` if something under
  ///   that name is not ours alone.
  static func prepare(
    folder: String, account: ServerAccount
  ) throws(PrivateClusterError) -> String {
    let directory = choose(folder: folder)
    try FileCalls.makeDirectory(directory)
    if let status = FileCalls.status(directory), status.st_uid == geteuid() {
      try FileCalls.give(directory, to: account)
    }
    try requirePrivate(directory, account: account)
    return directory
  }

  /// The path for a folder, without touching anything.
  static func choose(folder: String) -> String {
    let inside = "\(folder)/socket"
    let file = "\(inside)/.s.PGSQL.\(ClusterSettings.port).lock"
    if file.utf8.count <= longestPath { return inside }
    // FNV-1a: the name must be the same at every start, nothing more.
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    for byte in folder.utf8 { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
    return "/tmp/weighbridge-\(String(hash, radix: 16))"
  }

  /// Makes sure that a directory is a real one, belongs to the account and shuts out all others.
  static func requirePrivate(
    _ directory: String, account: ServerAccount
  ) throws(PrivateClusterError) {
    guard let status = FileCalls.status(directory) else {
      throw .directoryNotPrivate(directory: directory, reason: "it is not there")
    }
    guard status.st_mode & S_IFMT == S_IFDIR else {
      throw .directoryNotPrivate(directory: directory, reason: "it is no directory")
    }
    guard status.st_uid == account.user else {
      throw .directoryNotPrivate(
        directory: directory, reason: "it belongs to user \(status.st_uid), not \(account.user)")
    }
    guard status.st_mode & 0o077 == 0 else {
      throw .directoryNotPrivate(directory: directory, reason: "others may enter it")
    }
  }
}
