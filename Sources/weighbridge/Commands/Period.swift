import ArgumentParser
import Database
import Metering
import Server

/// `weighbridge period`
struct Period: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "List, show and finalize billing periods.",
    subcommands: [List.self, Show.self, Finalize.self])

  /// A period of the command line.
  static func parse(_ text: String) throws(CommandFailure) -> BillingPeriod {
    do throws(CalendarError) {
      return try BillingPeriod(parsing: text)
    } catch {
      throw CommandFailure(
        "--period: found \(JSONText.quoted(text)); allowed: a month such as 2026-01",
        exit: .usage)
    }
  }

  /// `weighbridge period list`
  struct List: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "List the periods of all tenants, or of one.")

    @OptionGroup var database: DatabaseOptions
    @Option(help: "Only this tenant.") var tenant: String?
    @Flag(help: "Print JSON.") var json = false

    func run() throws {
      var rows: [PeriodRow] = []
      try database.open().snapshot { snapshot in
        try snapshot.periods(tenant: tenant) { rows.append($0) }
      }
      Console.write(try json ? PeriodText.json(rows) : PeriodText.list(rows))
    }
  }

  /// `weighbridge period show`
  struct Show: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Show one period with its totals, for all tenants or for one.",
      discussion: """
        Warns of hours at whose ends a tenant has less than nothing stored, and names the rows of \
        usage that took the bytes away.
        """)

    @OptionGroup var database: DatabaseOptions
    @Option(help: ArgumentHelp("The month, such as 2026-01.", valueName: "month"))
    var period: String
    @Option(help: "Only this tenant.") var tenant: String?
    @Flag(help: "Print JSON.") var json = false

    func run() throws {
      let month = try Period.parse(period)
      var rows: [PeriodRow] = []
      var levels: [NegativeLevel] = []
      try database.open().snapshot { snapshot in
        try snapshot.periods(tenant: tenant, period: month) { rows.append($0) }
        try snapshot.negativeLevels(in: month, of: tenant) { levels.append($0) }
      }
      let texts = rows.map { row in PeriodText.text(row, levels.of(row)) }
      Console.write(try json ? PeriodText.json(rows, levels) : texts.joined(separator: "\n"))
      if rows.isEmpty {
        throw CommandFailure(
          "there is no period \(period)" + (tenant.map { " of tenant \($0)" } ?? ""))
      }
    }
  }

  /// `weighbridge period finalize`
  struct Finalize: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Finalize a period of all tenants, or of one. This cannot be undone.",
      discussion: """
        Asks the running service. Usage that comes later for the period is booked as an adjustment \
        in an open one. Exits 1 if a tenant is refused; the others are finalized all the same.

        What was taken is flushed to Postgres first. A command that ends meanwhile, such as by \
        Ctrl-C, finalizes nothing; weighbridge period show tells what became of it.

        Warns of tenants that have less than nothing stored in the period, as Postgres has it; \
        this refuses nothing.
        """)

    /// Seconds to wait: two flushes, while Postgres may be slow.
    private static let timeout = 290

    @OptionGroup var database: DatabaseOptions
    @Option(help: ArgumentHelp("The month, such as 2026-01.", valueName: "month"))
    var period: String
    @Option(help: "Only this tenant.") var tenant: String?
    @Option(
      help: ArgumentHelp(
        "Finalize although batches are missing, and log why.", valueName: "reason"))
    var acceptGaps: String?
    @Flag(help: "Say what would be done, and change nothing.") var dryRun = false
    @Flag(help: "Print JSON.") var json = false

    func validate() throws {
      guard let acceptGaps, !(1...1_000).contains(acceptGaps.utf8.count) else { return }
      throw ValidationError("--accept-gaps: allowed: a reason of 1 to 1,000 bytes of text")
    }

    func run() throws {
      let period = try Period.parse(period)
      let request = ControlRequest(
        .finalize, period: period.text, tenant: tenant,
        operatorName: ServiceOptions.operatorName, acceptsGaps: acceptGaps, isDryRun: dryRun)
      let results =
        try ControlClient.send(
          request, to: ServiceOptions.layout(of: database.configuration()), timeout: Self.timeout
        ).finalized ?? []
      let levels = levels(of: results, in: period)
      Console.write(
        try json
          ? PeriodText.json(results, levels, period: period, isDryRun: dryRun)
          : PeriodText.text(results, levels ?? [], period: period, isDryRun: dryRun))
      try Ending.end(results.contains { $0.refusal != nil } ? .refused : .done)
    }

    /// What warns of the tenants that are finalized, or would be; nil if Postgres does not say.
    private func levels(
      of results: [FinalizeResult], in period: BillingPeriod
    ) -> [NegativeLevel]? {
      let tenants = Set(results.filter { $0.refusal == nil }.map { Array($0.tenant.utf8) })
      guard !tenants.isEmpty else { return [] }
      var levels: [NegativeLevel] = []
      do {
        try database.open().snapshot { snapshot in
          try snapshot.negativeLevels(in: period, of: tenant) {
            if tenants.contains(Array($0.tenant.utf8)) { levels.append($0) }
          }
        }
      } catch {
        Console.note("weighbridge: stored bytes below 0 were not looked for: \(error)")
        return nil
      }
      return levels
    }
  }
}

extension [NegativeLevel] {
  /// Those of a period of a tenant.
  func of(_ row: PeriodRow) -> [NegativeLevel] {
    filter { $0.tenant.utf8.elementsEqual(row.tenant.utf8) }
  }
}
