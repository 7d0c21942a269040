import Foundation

/// A file system of a few megabytes (tmpfs) in a mount namespace of its own, which a process keeps
/// that does nothing else. Others see an empty directory in its place.
final class SmallDisk {
  /// Where it is mounted.
  let path: String
  /// The words that let a command see it, such as `nsenter …`.
  let enter: [String]
  private let keeper: Process
  private let input = Pipe()

  /// Why no such file system can be made here; nil if it can.
  static let obstacle: String? = {
    let probe = try? Shell.run(unshare + ["mount", "-t", "tmpfs", "tmpfs", "/tmp"])
    guard let probe else { return "unshare cannot be started" }
    return probe.status == 0 ? nil : "no mount namespace: \(probe.text.prefix { !$0.isNewline })"
  }()

  /// A user that may not mount becomes one that may in a user namespace.
  private static var unshare: [String] {
    ["unshare", "--mount"] + (geteuid() == 0 ? [] : ["--map-root-user"])
  }

  init(megabytes: Int) throws {
    path = "\(ScratchCluster.root)/disk-\(UUID().uuidString.prefix(8))"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    keeper = Process()
    keeper.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    let mount = "mount -t tmpfs -o size=\(megabytes)m,mode=0700 tmpfs \(path)"
    let output = Pipe()
    keeper.arguments = Self.unshare + ["sh", "-c", "\(mount) && echo mounted && exec cat"]
    // Its input ends with this process at the latest.
    keeper.standardInput = input
    keeper.standardOutput = output
    try keeper.run()
    enter =
      ["nsenter", "--target", "\(keeper.processIdentifier)", "--mount"]
      + (geteuid() == 0 ? [] : ["--user", "--preserve-credentials"]) + ["--"]
    let first = output.fileHandleForReading.availableData
    guard !first.isEmpty else { throw ServiceProcess.Failure(description: "failed: \(mount)") }
  }

  deinit {
    try? input.fileHandleForWriting.close()
    keeper.waitUntilExit()
    try? FileManager.default.removeItem(atPath: path)
  }

  /// Bytes that are free.
  func free() throws -> Int {
    let text = try run(["stat", "--file-system", "--format", "%a %S", path])
    let numbers = text.split(separator: " ").compactMap { Int($0.filter(\.isNumber)) }
    guard numbers.count == 2 else { throw ServiceProcess.Failure(description: text) }
    return numbers[0] * numbers[1]
  }

  /// Takes space until so many bytes are free.
  func fill(toFree bytes: Int) throws {
    let size = try free() - bytes
    _ = try run(["fallocate", "--length", "\(size)", "\(path)/ballast"])
  }

  /// Gives back what ``fill(toFree:)`` took.
  func clear() throws { _ = try run(["rm", "\(path)/ballast"]) }

  private func run(_ command: [String]) throws -> String {
    let result = try Shell.run(enter + command)
    guard result.status == 0 else {
      throw ServiceProcess.Failure(description: "\(command): \(result.text)")
    }
    return result.text
  }
}

/// Runs a program of the system and keeps what it says.
enum Shell {
  static func run(_ command: [String]) throws -> (status: Int32, text: String) {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = command
    let output = Pipe()
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = output
    process.standardError = output
    try process.run()
    let data = output.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return (process.terminationStatus, String(decoding: data, as: UTF8.self))
  }
}
