import ArgumentParser
import Database
import Metering
import Server
import Wire

/// `weighbridge verify`
struct Verify: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Recompute the rollups from the log and compare them with Postgres.",
    discussion: """
      Folds the segments up to the checkpoint in Postgres and compares every row of usage_hourly \
      and usage_adjustments, digests included, and the figures of every finalized period in \
      billing_periods. Of hours whose segments were deleted it compares the records and quantities \
      with the manifest. The service may run meanwhile.

      With --period only the rows of that period are compared: those of its hours, the adjustments \
      that are booked in it, and its row in billing_periods; with --tenant, with or without \
      --period, only those of one tenant. Of deleted segments the manifest then says nothing, \
      since it knows no tenants.

      With --as-of the figures of the period are printed as the log gives them up to the end of a \
      flush: of each partition up to where its last flush ended whose id is not above the given \
      one, or that was written at the given time or before, by the clock of the database server. \
      A period that was finalized by then is compared with its row in billing_periods; of one that \
      was open Postgres holds no past to compare with, so that its figures are only printed.

      Exits 0 if all is equal, 1 if something differs (the first \(LogVerifier.differenceLimit) \
      differences are named), and 3 if nothing differs but rows cannot be recomputed because their \
      segments were deleted; their hours are named.
      """)

  @OptionGroup var database: DatabaseOptions
  @Option(help: ArgumentHelp("Only this period, a month such as 2026-01.", valueName: "month"))
  var period: String?
  @Option(help: "Only this tenant.") var tenant: String?
  @Option(
    help: ArgumentHelp(
      "With --period, as of this flush id, or of a time such as 2026-02-01T00:00:00Z.",
      valueName: "flush"))
  var asOf: String?
  @Flag(help: "Print JSON.") var json = false

  func validate() throws {
    if asOf != nil, period == nil { throw ValidationError("--as-of goes with --period") }
  }

  func run() throws {
    let scope = try period.map {
      FoldScope(
        tenant: tenant, period: try Period.parse($0),
        calendars: try database.configuration().calendars)
    }
    let narrowed = scope ?? tenant.map { FoldScope(tenant: $0) }
    let moment = try asOf.map(Self.moment)
    let layout = try ServiceOptions.layout(of: database.configuration())
    let rollups = try database.open()
    if let moment, let scope, let period = scope.period {
      let past = try ProgressLine.whileReading { progress throws(CommandFailure) in
        try PastFigures(at: moment, of: scope, in: layout, rollups, progress: progress)
      }
      Console.write(
        try json ? PastText.json(past, period) : PastText.text(past, period))
      return try Ending.end(past.exit)
    }
    let result = try ProgressLine.whileReading { progress throws(CommandFailure) in
      try LogVerifier.verify(layout, against: rollups, scope: narrowed, progress: progress)
    }
    Console.write(try json ? VerificationText.json(result) : VerificationText.text(result))
    try Ending.end(result.exit)
  }

  private static func moment(_ text: String) throws(CommandFailure) -> FlushMoment {
    if let flush = Int64(text), flush > 0 { return .flush(flush) }
    if let time = Timestamp(rfc3339: text) { return .time(time) }
    throw CommandFailure(
      "--as-of: found \(JSONText.quoted(text)); allowed: the id of a flush, or a time such as "
        + "2026-02-01T00:00:00Z", exit: .usage)
  }
}
