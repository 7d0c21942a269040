import Foundation
import Server

/// A bar on the terminal, drawn at most ten times a second.
final class ProgressLine {
  private static let width = 24
  private var drawn = Date.distantPast

  /// Shows how much is done.
  ///
  /// - Parameters:
  ///   - done: of `total`; nil if nobody knows how much there is.
  ///   - text: what stands behind the bar.
  func show(_ done: Double?, _ text: @autoclosure () -> String) {
    guard Console.showsProgress else { return }
    let now = Date()
    guard now.timeIntervalSince(drawn) >= 0.1 else { return }
    drawn = now
    Console.progress(Self.line(done, text()))
  }

  /// Takes the bar away.
  func clear() {
    Console.progress("")
    drawn = .distantPast
  }

  /// The bar as text: `[######          ]  25%  text`.
  static func line(_ done: Double?, _ text: String) -> String {
    guard let done else { return text }
    let part = min(max(done, 0), 1)
    let filled = Int(part * Double(width))
    let bar =
      String(repeating: "#", count: filled) + String(repeating: " ", count: width - filled)
    let percent = "\(Int(part * 100))"
    return "[\(bar)] \(String(repeating: " ", count: 3 - percent.count))\(percent)%  \(text)"
  }

  /// Runs what reads a log, with a bar of the bytes that are done.
  static func whileReading<Result>(
    _ body: ((Int, Int) -> Void) throws(CommandFailure) -> Result
  ) throws(CommandFailure) -> Result {
    let bar = ProgressLine()
    defer { bar.clear() }
    return try body { done, total in
      bar.show(
        Double(done) / Double(max(total, 1)),
        "\(NumberText.bytes(done)) of \(NumberText.bytes(total))")
    }
  }
}
