internal import Foundation

/// Where figures come from: without it they mean nothing.
public struct Machine: Codable, Sendable {
  /// The processor's name.
  public var processor: String
  /// Cores that programs may use.
  public var cores: Int
  /// The kernel and its release.
  public var kernel: String
  /// File system of the service's data directory.
  public var fileSystem: String
  /// What was measured, as `git describe` says it.
  public var commit: String
  /// When, in the form of ISO 8601.
  public var date: String

  /// This machine, and the file system that a directory lies on.
  public init(dataDirectory: String) {
    let information = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)) ?? ""
    let model = information.split(separator: "\n").first { $0.hasPrefix("model name") }
    processor =
      model?.split(separator: ":").last.map { $0.trimmingCharacters(in: .whitespaces) } ?? "unknown"
    cores = ProcessInfo.processInfo.activeProcessorCount
    kernel = Self.output("/usr/bin/uname", ["-sr"]) ?? "unknown"
    fileSystem = Self.fileSystem(of: dataDirectory)
    commit =
      Self.output("/usr/bin/git", ["describe", "--always", "--dirty", "--abbrev=10"]) ?? "unknown"
    date = Date().ISO8601Format()
  }

  /// The type of the file system that holds a path, by the longest mount point above it.
  private static func fileSystem(of path: String) -> String {
    let text = (try? String(contentsOfFile: "/proc/self/mounts", encoding: .utf8)) ?? ""
    var best = (length: -1, type: "unknown")
    for line in text.split(separator: "\n") {
      // Device, mount point, type, and more.
      let fields = line.split(separator: " ").map(String.init)
      guard fields.count > 2 else { continue }
      let point = fields[1] == "/" ? "" : fields[1]
      if path == point || path.hasPrefix(point + "/"), point.count > best.length {
        best = (point.count, fields[2])
      }
    }
    return best.type
  }

  /// In few words.
  public var summary: String { "\(processor), \(cores) cores, \(kernel), \(fileSystem)" }

  /// Processor time that all cores gave to anything, their host included, since they started.
  public static func processorSeconds() -> Double {
    let text = (try? String(contentsOfFile: "/proc/stat", encoding: .utf8)) ?? ""
    // user, nice, system, idle, iowait, irq, softirq, steal, in 1/100 s (proc(5)).
    let fields = text.prefix { $0 != "\n" }.split(separator: " ").dropFirst().compactMap {
      Double($0)
    }
    guard fields.count >= 8 else { return 0 }
    return (fields[0..<3].reduce(0, +) + fields[5..<8].reduce(0, +)) / 100
  }

  private static func output(_ program: String, _ arguments: [String]) -> String? {
    let process = Process()
    let pipe = Pipe()
    process.executableURL = URL(fileURLWithPath: program)
    process.arguments = arguments
    process.standardOutput = pipe
    process.standardError = FileHandle.nullDevice
    guard (try? process.run()) != nil else { return nil }
    let data = pipe.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    let text = String(decoding: data, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
    return process.terminationStatus == 0 && !text.isEmpty ? text : nil
  }
}
