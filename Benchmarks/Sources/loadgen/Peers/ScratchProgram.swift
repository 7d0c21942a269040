import Foundation
import Glibc
import Server

/// A directory that is gone when the value is.
final class ScratchDirectory {
  let path: String

  init(_ name: String) throws {
    // The account of Postgres must be able to reach it, so it is no directory of mode 0700.
    path =
      FileManager.default.temporaryDirectory.appending(path: "weighbridge-\(name).\(getpid())").path
    try? FileManager.default.removeItem(atPath: path)
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  func file(_ name: String) -> String { "\(path)/\(name)" }

  func write(_ text: String, to name: String) throws -> String {
    try Data(text.utf8).write(to: URL(fileURLWithPath: file(name)))
    return file(name)
  }
}

/// A program that is started for a measurement and stopped by its number.
final class ScratchProgram {
  private let process = Process()
  private let log: String
  private let name: String

  /// - Parameter scratch: where it runs, and where what it says goes.
  init(_ name: String, _ arguments: [String], in scratch: ScratchDirectory) throws {
    self.name = name
    guard let path = Peers.program(name) else { throw CommandFailure("\(name) is not installed") }
    log = scratch.file("\(name).log")
    try Data().write(to: URL(fileURLWithPath: log))
    let output = try FileHandle(forWritingTo: URL(fileURLWithPath: log))
    process.executableURL = URL(fileURLWithPath: path)
    process.arguments = arguments
    process.currentDirectoryURL = URL(fileURLWithPath: scratch.path)
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = output
    process.standardError = output
    try process.run()
  }

  deinit { if process.isRunning { kill(process.processIdentifier, SIGKILL) } }

  /// Its first thread has the same number.
  var identifier: Int32 { process.processIdentifier }
  var isRunning: Bool { process.isRunning }
  /// What it has said.
  var output: String { (try? String(contentsOfFile: log, encoding: .utf8)) ?? "" }

  /// Waits until it has a port for UDP, or listens on it for TCP.
  func awaitPort(_ port: UInt16, _ transport: Transport) throws {
    for _ in 0..<200 {
      guard process.isRunning else { break }
      if Self.isTaken(port, transport) { return }
      usleep(50_000)
    }
    throw CommandFailure(
      "\(name) does not listen on port \(port): \(output.suffix(500))")
  }

  /// Looks into the kernel's list: number, local address, remote address, state (0A: listens).
  private static func isTaken(_ port: UInt16, _ transport: Transport) -> Bool {
    let wanted = String(format: ":%04X", Int(port))
    let list = try? String(contentsOfFile: "/proc/net/\(transport.rawValue)", encoding: .utf8)
    return (list ?? "").split(separator: "\n").contains { line in
      let fields = line.split(separator: " ")
      guard fields.count > 3, fields[1].hasSuffix(wanted) else { return false }
      return transport == .udp || fields[3] == "0A"
    }
  }

  /// Asks it to stop and waits, at most so many seconds.
  func stop(_ signal: Int32 = SIGTERM, within seconds: Double = 30) throws {
    guard process.isRunning else { return }
    kill(process.processIdentifier, signal)
    let end = Date().addingTimeInterval(seconds)
    while process.isRunning, Date() < end { usleep(20_000) }
    guard process.isRunning else { return }
    kill(process.processIdentifier, SIGKILL)
    process.waitUntilExit()
    throw CommandFailure("\(name) did not stop in \(Int(seconds)) seconds")
  }

  /// Runs a program to its end and gives what it printed.
  static func output(_ name: String, _ arguments: [String]) throws -> String {
    guard let path = Peers.program(name) else { throw CommandFailure("\(name) is not installed") }
    let process = Process()
    let pipe = Pipe()
    process.executableURL = URL(fileURLWithPath: path)
    process.arguments = arguments
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = pipe
    process.standardError = FileHandle.nullDevice
    try process.run()
    let data = pipe.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    guard process.terminationStatus == 0 else {
      throw CommandFailure("\(name) ended with \(process.terminationStatus)")
    }
    return String(decoding: data, as: UTF8.self)
  }
}
