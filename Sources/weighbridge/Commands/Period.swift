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

  private static func rows(
    _ database: DatabaseOptions, tenant: String?, period: BillingPeriod?
  ) throws -> [PeriodRow] {
    var rows: [PeriodRow] = []
    try database.open().snapshot { snapshot in
      try snapshot.periods(tenant: tenant, period: period) { rows.append($0) }
    }
    return rows
  }

  /// `weighbridge period list`
  struct List: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "List the periods of all tenants, or of one.")

    @OptionGroup var database: DatabaseOptions
    @Option(help: "Only this tenant.") var tenant: String?
    @Flag(help: "Print JSON.") var json = false

    func run() throws {
      let rows = try Period.rows(database, tenant: tenant, period: nil)
      Console.write(try json ? PeriodText.json(rows) : PeriodText.list(rows))
    }
  }

  /// `weighbridge period show`
  struct Show: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Show one period with its totals, for all tenants or for one.")

    @OptionGroup var database: DatabaseOptions
    @Option(help: ArgumentHelp("The month, such as 2026-01.", valueName: "month"))
    var period: String
    @Option(help: "Only this tenant.") var tenant: String?
    @Flag(help: "Print JSON.") var json = false

    func run() throws {
      let rows = try Period.rows(database, tenant: tenant, period: Period.parse(period))
      if json {
        Console.write(try PeriodText.json(rows))
      } else {
        Console.write(rows.map(PeriodText.text).joined(separator: "\n"))
      }
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
        """)

    /// Seconds to wait: two flushes, while Postgres may be slow.
    private static let timeout = 290

    @OptionGroup var service: ServiceOptions
    @Option(help: ArgumentHelp("The month, such as 2026-01.", valueName: "month"))
    var period: String
    @Option(help: "Only this tenant.") var tenant: String?
    @Option(
      help: ArgumentHelp(
        "Finalize although batches are missing, and log why.", valueName: "reason"))
    var acceptGaps: String?
    @Flag(help: "Say what would be done, and change nothing.") var dryRun = false
    @Flag(help: "Print JSON.") var json = false

    func run() throws {
      let period = try Period.parse(period)
      let request = ControlRequest(
        .finalize, period: period.text, tenant: tenant,
        operatorName: ServiceOptions.operatorName, acceptsGaps: acceptGaps, isDryRun: dryRun)
      let results = try service.ask(request, timeout: Self.timeout).finalized ?? []
      Console.write(
        try json
          ? PeriodText.json(results, period: period)
          : PeriodText.text(results, period: period, isDryRun: dryRun))
      try Ending.end(results.contains { $0.refusal != nil } ? .refused : .done)
    }
  }
}
