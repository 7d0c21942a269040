internal import Foundation
internal import SealedKeys

/// Shows on the terminal how far a run is; elsewhere a line every ten seconds.
struct ProgressBar {
  private let isTerminal = isatty(STDERR_FILENO) == 1
  private var phase = ""
  private var shownAt = 0.0
  private var last = (done: 0, time: 0.0)
  private var rate = 0.0

  mutating func show(_ progress: DifferentialRun.Progress) {
    let time = Date.timeIntervalSinceReferenceDate
    if progress.phase != phase {
      phase = progress.phase
      last = (progress.done, time)
      rate = 0
    }
    guard time - shownAt >= (isTerminal ? 0.5 : 10) else { return }
    if time > last.time { rate = Double(progress.done - last.done) / (time - last.time) }
    last = (progress.done, time)
    shownAt = time
    let share = Double(progress.done) / Double(max(1, progress.total))
    let full = String(repeating: "#", count: Int(share * 30))
    let bar = full + String(repeating: ".", count: 30 - full.count)
    let text =
      String(format: "%@ [%@] %3.0f %%", phase, bar, share * 100)
      + String(
        format: "  %.1f M keys, %.2f M/s", Double(progress.done) / 1e6, rate / 1e6)
      + String(format: ", %d runs, %.2f GB", progress.runs, Double(progress.diskBytes) / 1e9)
    write(isTerminal ? "\r\u{1B}[K" + text : text + "\n")
  }

  func end() { if isTerminal { write("\r\u{1B}[K") } }

  private func write(_ text: String) { FileHandle.standardError.write(Data(text.utf8)) }
}
