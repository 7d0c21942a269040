import ArgumentParser
import Server

/// `weighbridge quarantine`
struct Quarantine: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Show what was authentic and rejected.", subcommands: [List.self, Show.self])

  private static func entries(_ service: ServiceOptions) throws -> [QuarantineEntry] {
    QuarantineFile.read(in: try service.layout().quarantine)
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
      let entries = Array(all.suffix(last ?? all.count))
      Console.write(try json ? JSONOutput.text(entries) : QuarantineText.list(entries))
    }
  }

  /// `weighbridge quarantine show`
  struct Show: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Show everything of one entry.")

    @OptionGroup var service: ServiceOptions
    @Argument(help: "The number of the entry; it stays the same.") var number: UInt64
    @Flag(help: "Print JSON.") var json = false

    func run() throws {
      let all = try Quarantine.entries(service)
      guard let entry = all.first(where: { $0.number == number }) else {
        let range =
          all.isEmpty
          ? "is empty" : "holds entries from \(all[0].number) to \(all[all.count - 1].number)"
        throw CommandFailure("there is no entry \(number); the quarantine \(range)")
      }
      Console.write(try json ? JSONOutput.text(entry) : QuarantineText.text(entry))
    }
  }
}
