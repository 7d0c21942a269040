import ArgumentParser
import SegmentLog
import Server

/// `weighbridge quarantine`
struct Quarantine: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Show what was authentic and rejected.", subcommands: [List.self, Show.self])

  private static func entries(_ service: ServiceOptions) throws -> [QuarantineEntry] {
    try QuarantineFile.read(in: "\(service.partitionFiles().path)/\(SegmentNames.quarantine)")
  }

  /// `weighbridge quarantine list`
  struct List: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "List the rejected records and frames, the oldest first.")

    @OptionGroup var service: ServiceOptions
    @Option(help: ArgumentHelp("Only the newest ones.", valueName: "count")) var last: Int?
    @Flag(help: "Print JSON.") var json = false

    func validate() throws {
      if let last, last < 1 { throw ValidationError("--last: found \(last); allowed: 1 or more") }
    }

    func run() throws {
      let all = try Quarantine.entries(service)
      let first = all.count - min(last ?? all.count, all.count)
      let entries = Array(all[first...])
      Console.write(
        try json ? JSONOutput.text(entries) : QuarantineText.list(entries, from: first + 1))
    }
  }

  /// `weighbridge quarantine show`
  struct Show: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Show everything of one entry.")

    @OptionGroup var service: ServiceOptions
    @Argument(help: "The number of the entry in the list.") var number: Int
    @Flag(help: "Print JSON.") var json = false

    func run() throws {
      let all = try Quarantine.entries(service)
      guard all.indices.contains(number - 1) else {
        throw CommandFailure("there is no entry \(number); the quarantine holds \(all.count)")
      }
      let entry = all[number - 1]
      Console.write(try json ? JSONOutput.text(entry) : QuarantineText.text(entry))
    }
  }
}
