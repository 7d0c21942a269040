import ArgumentParser
import Database
import Server

/// `weighbridge migrate`
struct Migrate: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Bring the schema in Postgres to this program's version.",
    discussion: """
      Needed before the first start with a configured Postgres, and after an update. A private \
      Postgres is migrated by weighbridge serve. May be repeated; everything is one transaction. \
      With --dry-run the transaction is rolled back at its end: what would fail fails, and what \
      it locks is locked as long.
      """)

  @OptionGroup var service: ServiceOptions

  @Option(
    help: ArgumentHelp(
      """
      Connection string of a superuser, or of a role that may create roles and schemas; default: \
      postgres.url of the configuration.
      """, valueName: "url"))
  var adminUrl: String?

  @Option(
    help: ArgumentHelp(
      "Role that the service logs in as; it is created if it does not exist, without a password.",
      valueName: "role"))
  var serviceLogin: String?

  @Flag(help: "Say what would be done, and change nothing.") var dryRun = false
  @Flag(help: "Print JSON.") var json = false

  /// What a migration did, or would do.
  private struct Output: Encodable {
    var from: Int
    var to: Int
    var migrations: [String]
    var isDryRun: Bool
  }

  func run() throws {
    guard let url = try adminUrl ?? service.configuration().postgres.url else {
      throw CommandFailure(
        "--admin-url is missing, and the configuration names no Postgres; "
          + "a private one is migrated by weighbridge serve", exit: .usage)
    }
    let report = try DatabaseLookup.migrate(
      url: url, serviceLogin: serviceLogin, isDryRun: dryRun)
    if json {
      let output = Output(
        from: report.from, to: report.to, migrations: report.migrations, isDryRun: dryRun)
      Console.write(try JSONOutput.text(output))
    } else if report.from == report.to {
      Console.write("the schema is at version \(report.to) already\n")
    } else {
      Console.write(
        "\(dryRun ? "would migrate" : "migrated") the schema from version \(report.from) to "
          + "\(report.to): \(report.migrations.joined(separator: ", "))\n")
    }
  }
}
