import Foundation
import Glibc
import Server

/// Standard output and standard error. One thread writes.
enum Console {
  /// Whether standard error is a terminal, so that progress is shown there.
  static let showsProgress = isatty(STDERR_FILENO) == 1

  /// Writes text to standard output. If nobody reads on, the program ends.
  static func write(_ text: String) { write(Array(text.utf8), to: STDOUT_FILENO) }

  /// Writes a line to standard error.
  static func note(_ line: String) { write(Array((line + "\n").utf8), to: STDERR_FILENO) }

  /// Replaces the line of progress on the terminal; an empty text takes it away.
  static func progress(_ text: String) {
    guard showsProgress else { return }
    write(Array("\r\u{1B}[K\(text)".utf8), to: STDERR_FILENO)
  }

  private static func write(_ bytes: [UInt8], to descriptor: Int32) {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = unsafe rest.withUnsafeBytes {
        unsafe Glibc.write(descriptor, $0.baseAddress, $0.count)
      }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { exit(CommandExit.refused.rawValue) }
      rest = rest.dropFirst(count)
    }
  }
}

/// Text for standard output, written in large pieces.
struct OutputBuffer {
  private var text = ""

  /// Adds text; complete pieces are written.
  mutating func add(_ more: String) {
    text += more
    if text.utf8.count >= 1 << 16 { flush() }
  }

  /// Writes what is left.
  mutating func flush() {
    Console.write(text)
    text = ""
  }
}
