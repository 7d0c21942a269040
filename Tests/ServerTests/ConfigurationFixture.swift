import Foundation
import Testing

@testable import Server

/// A directory of its own for one test, removed with the value.
final class ScratchDirectory {
  let path: String

  init() throws {
    let url = FileManager.default.temporaryDirectory
      .appendingPathComponent("wb-test-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    path = url.path
    _ = unsafe chmod(path, 0o700)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  /// Writes a file and gives its path.
  @discardableResult
  func write(_ text: String, to name: String, mode: mode_t = 0o600) throws -> String {
    let file = "\(path)/\(name)"
    try text.write(toFile: file, atomically: false, encoding: .utf8)
    _ = unsafe chmod(file, mode)
    return file
  }
}

/// Loads a configuration without anything of this machine.
struct ConfigurationFixture {
  let scratch: ScratchDirectory
  static let memory = 8 << 30

  init() throws { scratch = try ScratchDirectory() }

  var file: String { "\(scratch.path)/weighbridge.yaml" }

  func load(
    _ yaml: String? = nil, _ arguments: [String] = [], _ environment: [String: String] = [:],
    memory: Int = ConfigurationFixture.memory
  ) throws -> LoadedConfiguration {
    if let yaml { try scratch.write(yaml, to: "weighbridge.yaml") }
    return try ConfigurationLoader.load(
      ConfigurationSources(
        file: yaml == nil ? nil : file, arguments: arguments, environment: environment,
        workingDirectory: "/work-dir", physicalMemory: memory))
  }

  /// The faults as text, with FILE for the path of the file; empty if there are none.
  func faults(
    _ yaml: String? = nil, _ arguments: [String] = [], _ environment: [String: String] = [:],
    memory: Int = ConfigurationFixture.memory
  ) throws -> [String] {
    do {
      _ = try load(yaml, arguments, environment, memory: memory)
      return []
    } catch let error as ConfigurationError {
      return error.faults.map { shown("\($0)") }
    }
  }

  func shown(_ text: String) -> String {
    text.replacingOccurrences(of: file, with: "FILE")
      .replacingOccurrences(of: scratch.path, with: "DIR")
  }
}
