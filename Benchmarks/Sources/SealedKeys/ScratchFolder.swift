internal import Foundation
internal import Synchronization

/// A folder of this process for run files, which goes with its contents when it is no longer held.
final class ScratchFolder: Sendable {
  let path: String

  /// Makes the folder; what an earlier process of the same number left goes first.
  init(below folder: String, name: String) throws {
    let number = made.add(1, ordering: .relaxed).newValue
    path = "\(folder)/weighbridge-\(name).\(getpid()).\(number)"
    try? FileManager.default.removeItem(atPath: path)
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  /// Bytes that its file system has left for us.
  var freeBytes: Int {
    var status = statvfs()
    guard unsafe statvfs(path, &status) == 0 else { return 0 }
    return Int(status.f_bavail) * Int(status.f_frsize)
  }

  /// A folder in it.
  func folder(_ name: String) throws -> String {
    let path = "\(path)/\(name)"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    return path
  }
}

/// Folders that this process has made.
private let made = Atomic<Int>(0)
