import ArgumentParser
import Foundation
import Glibc

/// `loadgen peers`
struct PeersCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "peers",
    abstract: "Measure other programs that do a part of what the service does.",
    discussion: """
      Each is started in a scratch directory, loaded over loopback by a generator of ours, checked \
      for what it kept, and stopped. What is not installed is left out with a note. Without a name \
      all of them: nfcapd, nfacctd, postgres, redis.
      """)

  @Argument(help: "nfcapd, nfacctd, postgres or redis.") var names: [String] = []

  func validate() throws {
    let known = Peers.all.map { $0.name }
    if let name = names.first(where: { !known.contains($0) }) {
      throw ValidationError("\(name) is no peer; \(known.joined(separator: ", ")) are")
    }
  }

  func run() throws {
    var failures: [String] = []
    _ = PeerTable().measure(names, peak: nil, failures: &failures)
    if !failures.isEmpty { throw ExitCode(1) }
  }
}

/// Measures peers and prints a row for each figure.
struct PeerTable {
  /// - Parameters:
  ///   - names: which peers; empty for all.
  ///   - peak: the service's rate, to be compared.
  func measure(_ names: [String], peak: Double?, failures: inout [String]) -> [PeerFigures] {
    say("peer", "M rec/s", "service", "acks", "durable", "dedup", "hourly sums")
    var all: [PeerFigures] = []
    for peer in Peers.all where names.isEmpty || names.contains(peer.name) {
      if let missing = Peers.missing(peer) {
        print("\(peer.name): left out, \(missing) is not installed")
        continue
      }
      do {
        for var figures in try peer.measure() {
          if let peak, figures.recordsPerSecond > 0 {
            figures.ratio = peak / figures.recordsPerSecond
          }
          row(figures)
          all.append(figures)
        }
      } catch {
        print("\(peer.name): FAILED: \(error)")
        failures.append("\(peer.name): \(error)")
      }
    }
    for figures in all { print("  \(figures.name): \(figures.note)") }
    return all
  }

  private func row(_ figures: PeerFigures) {
    let promises = figures.promises
    say(
      figures.name, (figures.recordsPerSecond / 1e6).text(3),
      figures.ratio.map { "\($0.text(1)) x" } ?? "", promises.acks ? "yes" : "no",
      promises.durable, promises.deduplicates ? "yes" : "no", promises.sumsByHour ? "yes" : "no")
  }

  private func say(_ values: String...) {
    let widths = [40, 10, 10, 6, 19, 7, 12]
    let cells = zip(values, widths).map { value, width in
      value + String(repeating: " ", count: max(1, width - value.count))
    }
    print(cells.joined().trimmingCharacters(in: .whitespaces))
    fflush(nil)
  }
}
