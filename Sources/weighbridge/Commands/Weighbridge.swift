import ArgumentParser

/// The program with all its commands.
struct Weighbridge: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "weighbridge",
    abstract: "Take usage records, count each exactly once, keep hourly rollups in Postgres.",
    discussion: """
      Every command takes --config FILE or --data-directory DIR and finds the running service there.
      Exit codes: 0 done, 1 refused or differs, 2 usage, 3 beyond retention.
      """,
    version: "1.0.0",
    groupedSubcommands: [
      CommandGroup(name: "Service", subcommands: [Serve.self, Status.self, Config.self]),
      CommandGroup(
        name: "Usage",
        subcommands: [Send.self, Rollups.self, Adjustments.self, ExportRows.self]),
      CommandGroup(
        name: "Billing",
        subcommands: [
          Period.self, VoidRecord.self, AmendRecord.self, Corrections.self, Certify.self,
          Jobs.self,
        ]),
      CommandGroup(
        name: "Operation",
        subcommands: [Verify.self, Segments.self, Quarantine.self, Clock.self, Migrate.self]),
    ])
}
