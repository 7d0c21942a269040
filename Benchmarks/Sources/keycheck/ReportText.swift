internal import Foundation
internal import SealedKeys

/// A report for people.
struct ReportText {
  private let report: DifferentialReport

  init(_ report: DifferentialReport) { self.report = report }

  var text: String {
    (answers + stretches + restarts + figures).joined(separator: "\n")
  }

  private var answers: [String] {
    var lines = ["\(report.keys) keys, \(report.wrong.total) wrong answers"]
    for (question, count) in report.asked.sorted(by: { $0.key < $1.key }) {
      lines.append("  asked \(count) times: \(question)")
    }
    for (kind, count) in report.wrong.counts.sorted(by: { $0.key < $1.key }) {
      lines.append("  \(kind): \(count)")
    }
    return lines + report.wrong.examples.map { "  WRONG \($0)" }
  }

  private var stretches: [String] {
    report.stretches.map {
      String(
        format: "to %11d keys: judge %6.1f ns a key, upkeep's hand %5.1f, ", $0.keys, $0.judging,
        $0.maintaining)
        + String(
          format: "upkeep behind %6.1f, all told %6.1f; longest call %.2f ms", $0.waiting,
          $0.elapsed, $0.longestCall)
    }
  }

  private var restarts: [String] {
    report.restarts.map {
      String(
        format: "start at %d keys: %d runs opened in %.2f s, %d keys again in %.2f s", $0.keys,
        $0.runs, $0.openSeconds, $0.renewedKeys, $0.renewSeconds)
    }
  }

  private var figures: [String] {
    ["\(report.runs) runs in the end, \(report.merges) merges"] + report.measures.map(\.text)
      + report.seconds.sorted { $0.value > $1.value }.map {
        String(format: "%@: %.1f s", $0.key, $0.value)
      }
  }
}
