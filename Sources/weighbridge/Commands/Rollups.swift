import ArgumentParser
import Database
import Server

/// `weighbridge rollups`
struct Rollups: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Print hourly rollups from Postgres.",
    discussion: "Usage that came within the last flush.interval may not be there yet.")

  @OptionGroup var database: DatabaseOptions
  @OptionGroup var options: UsageFilterOptions

  func run() throws {
    let filter = try options.filter()
    var output = UsageOutput(format: options.format, table: .usage)
    try database.open().snapshot { snapshot in
      try snapshot.usage(filter) { row in
        output.add(
          RollupRow(subject: row.subject, hour: row.hour, sums: row.sums), flush: row.flush)
      }
    }
    output.finish()
  }
}

/// `weighbridge adjustments`
struct Adjustments: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Print late usage of finalized periods, as booked in later ones.",
    discussion: "--from and --to choose by the hour in which the usage happened.")

  @OptionGroup var database: DatabaseOptions
  @OptionGroup var options: UsageFilterOptions

  func run() throws {
    let filter = try options.filter()
    var output = UsageOutput(format: options.format, table: .adjustments)
    try database.open().snapshot { snapshot in
      try snapshot.adjustments(filter) { row in
        output.add(
          RollupRow(
            subject: row.subject, hour: row.originHour, bookingStart: row.bookingStart,
            sums: row.sums), flush: row.flush)
      }
    }
    output.finish()
  }
}
