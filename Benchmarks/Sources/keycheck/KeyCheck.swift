internal import ArgumentParser
internal import CanonicalLoad
internal import Foundation
internal import SealedKeys
internal import Synchronization

/// `keycheck`: compares the key index with the truth over as many keys as the disk takes.
@main
struct KeyCheck: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "keycheck",
    abstract: "Seal keys into runs on a disk, and compare every answer with the truth.",
    discussion: """
      Keys come as to a service: upkeep on threads of its own, probes of old keys, of keys with \
      another payload, of neighbours and of keys that never came in between, and restarts from \
      the files. Then every key is asked for again, and as many that never came; in the end all \
      of them leave their window. A key takes 18 bytes of disk, and 24 while runs are merged; a \
      billion take 3 GB of memory and a gigabyte for tables.
      Exit code 1 if any answer is wrong, or the keys do not fit.
      """)

  @Option(help: ArgumentHelp("How many keys.", valueName: "count"))
  var keys = 100_000_000

  @Option(
    help: ArgumentHelp(
      "Where a folder for the files is made; it goes in the end.", valueName: "folder"))
  var directory = FileManager.default.temporaryDirectory.path

  @Option(help: ArgumentHelp("Decides the keys.", valueName: "number"))
  var seed: UInt64 = 1

  @Option(help: ArgumentHelp("Write the figures as JSON.", valueName: "file"))
  var json: String?

  func validate() throws {
    if keys < 200_000 || keys > 4_000_000_000 {
      throw ValidationError("--keys is 200000 to 4000000000, not \(keys)")
    }
  }

  func run() throws {
    let machine = Machine(dataDirectory: directory)
    print(machine.summary)
    stopAtSignals()
    var bar = ProgressBar()
    let run = try DifferentialRun(keys: keys, directory: directory, seed: seed) { progress in
      if isStopped.load(ordering: .relaxed) { throw Stopped() }
      bar.show(progress)
    }
    let report = try run.run()
    bar.end()
    print(ReportText(report).text)
    if let json {
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
      try encoder.encode(KeyCheckFigures(machine: machine, seed: seed, report: report))
        .write(to: URL(fileURLWithPath: json))
    }
    if report.wrong.total > 0 { throw ExitCode.failure }
  }
}

/// What the JSON file holds.
struct KeyCheckFigures: Codable {
  var machine: Machine
  var seed: UInt64
  var report: DifferentialReport
}

/// The run was told to stop.
struct Stopped: Error, CustomStringConvertible {
  var description: String { "stopped by a signal; the files are removed" }
}

private let isStopped = Atomic<Bool>(false)

/// Lets a signal end the run in good order, so that its files do not stay.
private func stopAtSignals() {
  for number in [SIGINT, SIGTERM] {
    signal(number) { _ in isStopped.store(true, ordering: .relaxed) }
  }
}
