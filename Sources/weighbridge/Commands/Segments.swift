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
      let inspection = try SegmentInspection(service.layout())
      let bar = ProgressLine()
      defer { bar.clear() }
      var reports: [SegmentReport] = []
      let numbers = inspection.segmentNumbers
      for (index, number) in numbers.enumerated() {
        if let report = try inspection.report(number) { reports.append(report) }
        bar.show(Double(index + 1) / Double(numbers.count), "segment \(number)")
      }
      bar.clear()
      Console.write(try json ? SegmentText.json(reports) : SegmentText.list(reports))
    }
  }

  /// `weighbridge segments show`
  struct Show: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Show the blocks of one segment.")

    @OptionGroup var service: ServiceOptions
    @Argument(help: "The number of the segment.") var number: UInt64
    @Flag(help: "Print JSON.") var json = false

    func run() throws {
      let inspection = try SegmentInspection(service.layout())
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
      let inspection = try SegmentInspection(service.layout())
      let bar = ProgressLine()
      defer { bar.clear() }
      let check = try inspection.check { done, total in
        bar.show(Double(done) / Double(total), "segment \(done) of \(total)")
      }
      bar.clear()
      Console.write(try json ? SegmentText.json(check) : SegmentText.text(check))
      try Ending.end(check.damages.isEmpty ? .done : .refused)
    }
  }
}
