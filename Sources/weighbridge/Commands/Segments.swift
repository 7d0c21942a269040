import ArgumentParser
import SegmentLog
import Server
import Wire

/// `weighbridge segments`
struct Segments: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "List, show and check the segments of the log.",
    subcommands: [List.self, Show.self, Check.self])

  /// `weighbridge segments list`
  struct List: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "List the segments.", discussion: "Reads every block of the log.")

    @OptionGroup var service: ServiceOptions
    @Flag(help: "Print JSON.") var json = false

    func run() throws {
      let inspections = try SegmentInspection.all(service.layout())
      let bar = ProgressLine()
      defer { bar.clear() }
      var reports: [SegmentReport] = []
      let count = inspections.reduce(0) { $0 + $1.segmentNumbers.count }
      for inspection in inspections {
        for number in inspection.segmentNumbers {
          if let report = try inspection.report(number) { reports.append(report) }
          bar.show(Double(reports.count) / Double(count), "segment \(number)")
        }
      }
      bar.clear()
      Console.write(
        try json
          ? SegmentText.json(reports)
          : SegmentText.list(reports, namesPartitions: inspections.count > 1))
    }
  }

  /// `weighbridge segments show`
  struct Show: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Show the blocks of one segment.")

    @OptionGroup var service: ServiceOptions
    @Argument(help: "The number of the segment.") var number: UInt64
    @Option(help: ArgumentHelp("The partition that it is of.", valueName: "number"))
    var partition: UInt16 = 0
    @Flag(help: "Print JSON.") var json = false

    func run() throws {
      let inspection = try SegmentInspection(service.layout(), partition: partition)
      guard let report = try inspection.report(number) else {
        throw CommandFailure("there is no segment \(number)")
      }
      Console.write(try json ? SegmentText.json(report) : SegmentText.blocks(report))
    }
  }

  /// `weighbridge segments check`
  struct Check: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Check every segment.",
      discussion: """
        Checks every checksum, the chain through all blocks, that every block decompresses, \
        and that nothing that was synced is missing. Nothing is changed. Exits 1 if something \
        is damaged; a torn tail, which the next start repairs, is named and is no damage.
        """)

    @OptionGroup var service: ServiceOptions
    @Flag(help: "Print JSON.") var json = false

    func run() throws {
      let inspections = try SegmentInspection.all(service.layout())
      let bar = ProgressLine()
      defer { bar.clear() }
      let total = inspections.reduce(0) { $0 + $1.segmentNumbers.count }
      var before = 0
      var checks: [LogCheck] = []
      for inspection in inspections {
        checks.append(
          try inspection.check { done, _ in
            bar.show(Double(before + done) / Double(total), "segment \(before + done) of \(total)")
          })
        before += inspection.segmentNumbers.count
      }
      bar.clear()
      Console.write(try json ? SegmentText.json(checks) : SegmentText.text(checks))
      try Ending.end(checks.allSatisfy(\.damages.isEmpty) ? .done : .refused)
    }
  }
}
