import Foundation

/// Processor time and memory of a process, from `/proc` (proc(5)).
struct ProcessUsage {
  /// Processor time of each of its threads in seconds, by the thread's number.
  var threads: [Int32: Double] = [:]
  /// Memory that is resident now, and the most that ever was.
  var residentBytes = 0
  var peakResidentBytes = 0

  /// Processor time of all threads that are there.
  var seconds: Double { threads.values.reduce(0, +) }

  init(of process: Int32) {
    let path = "/proc/\(process)"
    for name in (try? FileManager.default.contentsOfDirectory(atPath: "\(path)/task")) ?? [] {
      // Nanoseconds on a processor, then two more numbers.
      guard let id = Int32(name),
        let text = try? String(contentsOfFile: "\(path)/task/\(name)/schedstat", encoding: .utf8),
        let time = text.split(separator: " ").first.flatMap({ Double($0) })
      else { continue }
      threads[id] = time / 1e9
    }
    guard let text = try? String(contentsOfFile: "\(path)/status", encoding: .utf8) else { return }
    for line in text.split(separator: "\n") {
      let words = line.split { $0 == " " || $0 == "\t" }
      guard words.count >= 2, let kibibytes = Int(words[1]) else { continue }
      if words[0] == "VmRSS:" { residentBytes = kibibytes << 10 }
      if words[0] == "VmHWM:" { peakResidentBytes = kibibytes << 10 }
    }
  }
}
