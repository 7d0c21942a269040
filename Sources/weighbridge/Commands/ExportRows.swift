public import ArgumentParser
import Database
import Glibc
import Metering
public import Server

extension ExportTable: ExpressibleByArgument {}
extension ExportFormat: ExpressibleByArgument {}
extension ExportCompression: ExpressibleByArgument {}

/// `weighbridge export`
struct ExportRows: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "export",
    abstract: "Write the rollups, adjustments or single records of a period.",
    discussion: """
      rollups are the rows of usage_hourly in the hours of the period, adjustments the rows of \
      usage_adjustments that are booked in it; both are read in one snapshot of Postgres. records \
      are the single records of one tenant that these rows sum up, read from the log as far as it \
      is in Postgres: every figure back to what was sent. Their sums are those of the rows.

      A file is put in place at once, when it is whole; its mode is 0600. Exits 3 if records were \
      in segments that retention has deleted.
      """)

  @OptionGroup var database: DatabaseOptions
  @Argument(help: "What is written: rollups, adjustments or records.") var table: ExportTable
  @Option(help: ArgumentHelp("The month, such as 2026-01.", valueName: "month"))
  var period: String
  @Option(help: "Only this tenant; records need one.") var tenant: String?
  @Option(help: "csv, with a header, or ndjson. Sums are text in ndjson: they have up to 128 bits.")
  var format = ExportFormat.csv
  @Option(help: "gzip, zstd or none.") var compress = ExportCompression.none
  @Option(
    help: ArgumentHelp("Write to this file; default: standard output.", valueName: "file"))
  var output: String?
  @Flag(help: "Write nothing; say how many rows and bytes would be written.") var dryRun = false

  func validate() throws {
    if table == .records, tenant == nil {
      throw ValidationError("--tenant is missing: records are exported for one tenant")
    }
  }

  func run() throws {
    // Who stops reading ends the export with a message, not the process with a signal.
    _ = signal(SIGPIPE, SIG_IGN)
    let scope = FoldScope(
      tenant: tenant, period: try Period.parse(period),
      calendars: try database.configuration().calendars)
    let rollups = try database.open()
    let target: ExportSink.Target =
      dryRun ? .nowhere : output.map { .file($0) } ?? .standardOutput
    let sink = try ExportSink(target, compression: compress)
    var export = Export(table, scope, as: format, to: sink)
    let bar = ProgressLine()
    defer { bar.clear() }
    try export.run(
      { () throws(CommandFailure) in try ServiceOptions.layout(of: database.configuration()) },
      rollups
    ) { rows, part in
      bar.show(
        part, "\(NumberText.count(rows, "row")), \(NumberText.bytes(sink.textBytes))")
    }
    bar.clear()
    report(export.rows, sink)
  }

  private func report(_ rows: Int, _ sink: ExportSink) {
    let size =
      "\(NumberText.count(rows, "row")), \(NumberText.count(sink.writtenBytes, "byte"))"
      + (compress == .none ? "" : ", \(NumberText.grouped(sink.textBytes)) before compression")
    if dryRun {
      Console.write("would write \(size)\n")
    } else if let output {
      Console.note("wrote \(size) to \(output)")
    }
  }
}
