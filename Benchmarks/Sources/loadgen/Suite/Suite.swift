import ArgumentParser
import CanonicalLoad
import Foundation
import Server

/// `loadgen suite`
struct Suite: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Run the loads of a mode one after the other and print one table.",
    discussion: """
      quick: the main loads. keys: 20 million keys in the window. full: every combination of \
      transport, size, keys, HMAC and sources, latency at 25, 50 and 75 % of the peak, and other \
      programs where they are installed. Exit code 1 if any sum differs or a load could not be run.
      """)

  @Argument(help: "quick, keys or full.") var mode = SuiteMode.quick
  @Option(help: ArgumentHelp("The weighbridge to measure.", valueName: "path")) var serve: String
  @Option(help: ArgumentHelp("Write all figures as JSON.", valueName: "file")) var json: String?

  func run() throws {
    let table = SuiteTable()
    let scratch = FileManager.default.temporaryDirectory.path
    var figures = SuiteFigures(
      mode: mode, machine: Machine(dataDirectory: scratch), sync: SyncProbe.run(in: scratch))
    table.head(figures)
    var baselines: [String: Report] = [:]
    var singles: [String: ServiceFigures] = [:]
    for load in mode.loads {
      let report = measure(load, &figures, table, baseline: load.baseline.flatMap { baselines[$0] })
      if load.settings.sink { baselines[load.name] = report }
      guard let service = report?.service else { continue }
      singles[load.name] = service
      if let single = load.single.flatMap({ singles[$0] }) {
        figures.handOvers.append(
          HandOverCost(
            name: load.name, single: single.processorNanosecondsPerRecord,
            several: service.processorNanosecondsPerRecord, singleLog: single.logBytesPerRecord,
            severalLog: service.logBytesPerRecord))
      }
    }
    for load in scheduled(figures) { _ = measure(load, &figures, table, baseline: nil) }
    table.foot()
    for cost in figures.handOvers { table.handOver(cost) }
    if mode == .full {
      print("")
      figures.peers = PeerTable().measure([], peak: peak(figures), failures: &figures.failures)
    }
    for failure in figures.failures { print("FAILED \(failure)") }
    if let json {
      try figures.json().write(to: URL(fileURLWithPath: json))
      print("figures: \(json)")
    }
    if !figures.failures.isEmpty { throw ExitCode(1) }
  }

  private func measure(
    _ load: SuiteLoad, _ figures: inout SuiteFigures, _ table: SuiteTable, baseline: Report?
  ) -> Report? {
    let measurement = Measurement(
      name: load.name, settings: load.settings,
      receiver: load.settings.sink ? .sink : .own(program: serve))
    do {
      let report = try measurement.run()
      let run = SuiteRun(
        report: report,
        ofBaseline: baseline.map {
          report.sender.recordsPerSecond / $0.sender.recordsPerSecond
        },
        ofBaselineByProcessor: baseline.map {
          $0.receiver.nanosecondsPerRecord / report.receiver.nanosecondsPerRecord
        })
      figures.runs.append(run)
      figures.failures += report.differences.map { "\(load.name): \($0)" }
      table.row(run)
      return report
    } catch {
      figures.failures.append("\(load.name): \(error)")
      table.failed(load.name, "\(error)")
      return nil
    }
  }

  private func peak(_ figures: SuiteFigures) -> Double? {
    figures.runs.first { $0.report.name == SuiteMode.peak }?.report.sender.recordsPerSecond
  }

  /// Loads on a schedule, whose rates come from the peak.
  private func scheduled(_ figures: SuiteFigures) -> [SuiteLoad] {
    var loads: [SuiteLoad] = []
    if let peak = peak(figures) {
      loads = mode.latencyShares.map {
        scheduled("\($0) % of the peak", peak * Double($0) / 100)
      }
    }
    if mode.hasMillion { loads.append(scheduled("1 million records/s", 1_000_000)) }
    return loads
  }

  private func scheduled(_ name: String, _ rate: Double) -> SuiteLoad {
    var settings = LoadSettings()
    settings.rate = rate.rounded()
    // More would not fit in the receive buffer of the service while it stands still.
    settings.window = 2_048
    settings.seconds = mode == .full ? 15 : 6
    return SuiteLoad(name: name + ", on a schedule", settings: settings)
  }
}
