import Foundation

/// Processor time and memory of a process, from `/proc` (proc(5)).
struct ProcessUsage {
  /// Processor time of all its threads.
  var seconds = 0.0
  /// Memory that is resident now, and the most that ever was.
  var residentBytes = 0
  var peakResidentBytes = 0

  init(of process: Int32) {
    let path = "/proc/\(process)"
    if let text = try? String(contentsOfFile: "\(path)/stat", encoding: .utf8),
      let end = text.lastIndex(of: ")")
    {
      // Fields 14 and 15, in clock ticks of 10 ms; the name before them may hold spaces.
      let fields = text[text.index(after: end)...].split(separator: " ")
      if fields.count > 12, let user = Double(fields[11]), let system = Double(fields[12]) {
        seconds = (user + system) / 100
      }
    }
    guard let text = try? String(contentsOfFile: "\(path)/status", encoding: .utf8) else { return }
    for line in text.split(separator: "\n") {
      let words = line.split { $0 == " " || $0 == "\t" }
      guard words.count >= 2, let kibibytes = Int(words[1]) else { continue }
      if words[0] == "VmRSS:" { residentBytes = kibibytes << 10 }
      if words[0] == "VmHWM:" { peakResidentBytes = kibibytes << 10 }
    }
  }

  /// Processor time of each thread of a process by its name, in seconds.
  static func threads(of process: Int32) -> [Int32: Double] {
    let path = "/proc/\(process)/task"
    var threads: [Int32: Double] = [:]
    for name in (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? [] {
      guard let text = try? String(contentsOfFile: "\(path)/\(name)/stat", encoding: .utf8),
        let end = text.lastIndex(of: ")"), let id = Int32(name)
      else { continue }
      let fields = text[text.index(after: end)...].split(separator: " ")
      if fields.count > 12, let user = Double(fields[11]), let system = Double(fields[12]) {
        threads[id] = (user + system) / 100
      }
    }
    return threads
  }
}
