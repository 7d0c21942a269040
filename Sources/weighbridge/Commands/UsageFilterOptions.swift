import ArgumentParser
import Database
import Metering
import Server
import Wire

/// How rows are printed.
enum RowFormat: String, ExpressibleByArgument, CaseIterable {
  case table
  case csv
  case json
}

/// Which rows are asked for, and how they are printed.
struct UsageFilterOptions: ParsableArguments {
  @Option(help: "Only this tenant.") var tenant: String?
  @Option(help: "Only this kind: traffic, compute or storage.") var kind: String?
  @Option(help: "Only this operation.") var operation: String?

  @Option(
    help: ArgumentHelp(
      "First hour: 2026-11-21T14:00:00Z, or a day 2026-11-21 (UTC).", valueName: "hour"))
  var from: String?

  @Option(
    help: ArgumentHelp("First hour that is not wanted any more, as --from.", valueName: "hour"))
  var to: String?

  @Option(
    help: """
      table, csv or json. The columns of csv and the keys of json are those of the table in \
      Postgres; in json, sums are text, since they have up to 128 bits.
      """)
  var format = RowFormat.table

  /// The filter, after checks.
  func filter() throws(CommandFailure) -> UsageFilter {
    let known: UsageKind? = kind.flatMap { UsageKind(name: $0) }
    if let kind, known == nil {
      throw CommandFailure(
        "--kind: found \(JSONText.quoted(kind)); allowed: traffic, compute, storage",
        exit: .usage)
    }
    let (first, end) = (try hour("--from", from), try hour("--to", to))
    if let first, let end, end <= first {
      throw CommandFailure(
        "--to: found \(JSONText.quoted(to ?? "")); allowed: an hour after --from, \(first.text)",
        exit: .usage)
    }
    return UsageFilter(
      tenant: tenant, kind: known, operation: operation, from: first, to: end)
  }

  private func hour(_ option: String, _ text: String?) throws(CommandFailure) -> Hour? {
    guard let text else { return nil }
    do throws(CalendarError) {
      return try Hour(parsing: text.utf8.count == 10 ? text + "T00:00:00Z" : text)
    } catch {
      throw CommandFailure(
        "\(option): found \(JSONText.quoted(text)); allowed: an hour such as "
          + "2026-11-21T14:00:00Z, or a day such as 2026-11-21", exit: .usage)
    }
  }
}
