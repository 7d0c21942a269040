import ArgumentParser
import Server

/// `weighbridge quarantine`
struct Quarantine: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Show what was authentic and rejected, and take it after all.",
    subcommands: [List.self, Show.self, Replay.self])

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

  /// `weighbridge quarantine replay`
  struct Replay: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Take quarantined records whose rejection lay with the service.",
      discussion: """
        Asks the running service. A record keeps its key, so that it counts once even if it was \
        sent again meanwhile. The acceptance window does not matter; usage of a finalized period \
        becomes an adjustment. Exits 1 if an entry is refused; the others are taken all the same.
        """)

    @OptionGroup var service: ServiceOptions
    @Argument(help: "The numbers of the entries.") var numbers: [UInt64] = []
    @Flag(help: "Every entry that can be replayed.") var all = false
    @Option(help: "Why; it is logged with your name.") var reason: String
    @Flag(help: "Say what would be done, and change nothing.") var dryRun = false
    @Flag(help: "Print JSON.") var json = false

    func validate() throws {
      if numbers.isEmpty != all { throw ValidationError("give the numbers of entries, or --all") }
    }

    /// Entries in one request to the service.
    private static let portion = 1_000

    func run() throws {
      let chosen =
        all ? try Quarantine.entries(service).filter(\.isReplayable).map(\.number) : numbers
      var reports: [CorrectionReport] = []
      for start in stride(from: 0, to: chosen.count, by: Self.portion) {
        let part = Array(chosen[start..<min(start + Self.portion, chosen.count)])
        let request = ControlRequest(
          .correct, operatorName: ServiceOptions.operatorName, isDryRun: dryRun,
          correction: CorrectionRequest(quarantined: part, reason: reason))
        reports += try service.ask(request, timeout: 290).corrections ?? []
      }
      Console.write(
        try json ? JSONOutput.text(reports) : CorrectionText.text(reports, isDryRun: dryRun))
      try Ending.end(reports.contains { $0.refusal != nil } ? .refused : .done)
    }
  }
}
