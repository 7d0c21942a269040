import Foundation

/// Moves the wall clock of one service, and of nothing else, also while it runs.
final class ClockLever {
  static let day: Int64 = 86_400_000
  static let year = 365 * day

  /// The library that is put before the C library's clock, compiled at first use.
  private static let library = Result { try compile() }

  private let path: String
  /// How far the service's clock is ahead of the real one, in milliseconds.
  private(set) var offset: Int64 = 0

  init() throws {
    path = "\(ScratchCluster.root)/lever-\(UUID().uuidString.prefix(8))"
    _ = try Self.library.get()
    _ = FileManager.default.createFile(atPath: path, contents: Data(count: 8))
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  /// What a process needs to be under the lever.
  var environment: [String: String] {
    get throws { ["LD_PRELOAD": try Self.library.get(), "CLOCK_LEVER": path] }
  }

  /// What the service's clock shows, in milliseconds since 1970.
  var now: Int64 { UsageSource.now() + offset }

  /// Sets how far the clock is ahead, in milliseconds.
  func move(to offset: Int64) throws {
    self.offset = offset
    // The page is mapped by the service: it must be written in place.
    let file = try FileHandle(forWritingTo: URL(fileURLWithPath: path))
    try file.write(contentsOf: unsafe withUnsafeBytes(of: offset) { unsafe Data($0) })
    try file.close()
  }

  private static func compile() throws -> String {
    let source = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appendingPathComponent("ClockLever.c").path
    let library = "\(ScratchCluster.root)/clock-lever.so"
    let compiler = Process()
    compiler.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    compiler.arguments = [
      "clang", "-Wall", "-Wextra", "-Werror", "-O1", "-shared", "-fPIC", "-o", library, source,
    ]
    try compiler.run()
    compiler.waitUntilExit()
    guard compiler.terminationStatus == 0 else {
      throw ServiceProcess.Failure(
        description: "clang of the Swift toolchain must be in PATH and compile \(source)")
    }
    return library
  }
}
