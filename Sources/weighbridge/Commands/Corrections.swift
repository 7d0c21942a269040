import ArgumentParser
import Database
import Metering
import Server
import Wire

/// Which record of the log a command is about.
struct RecordOptions: ParsableArguments {
  @Option(help: "The record's tenant.") var tenant: String
  @Option(help: "Its idempotency key: text, or 0x and 32 hexadecimal digits.") var key: String
  @Option(
    help: ArgumentHelp(
      "The hour of its event time, such as 2026-01-05T14:00:00Z.", valueName: "hour"))
  var hour: String
  @Option(
    help: ArgumentHelp(
      "Its log position, if several records have this key and hour.", valueName: "number"))
  var position: UInt64?
  @Option(help: "Why; it is logged with your name.") var reason: String
  @Flag(help: "Say what would be done, and change nothing.") var dryRun = false
  @Flag(help: "Print JSON.") var json = false

  func validate() throws {
    guard (try? Hour(parsing: hour)) != nil else {
      throw ValidationError(
        "--hour: found \(JSONText.quoted(hour)); allowed: the start of an hour such as "
          + "2026-01-05T14:00:00Z")
    }
    guard !RecordKey.meant(by: key).isEmpty else {
      throw ValidationError("--key: allowed: 1 to 255 bytes of text")
    }
    guard (1...1_000).contains(reason.utf8.count) else {
      throw ValidationError("--reason: allowed: 1 to 1,000 bytes of text")
    }
  }

  /// Asks the running service, and prints what became of it.
  func ask(_ service: ServiceOptions, _ amendment: AmendmentRequest?) throws {
    let request = ControlRequest(
      .correct, operatorName: ServiceOptions.operatorName, isDryRun: dryRun,
      correction: CorrectionRequest(
        tenant: tenant, key: key, hour: hour, position: position, amendment: amendment,
        reason: reason))
    let reports = try service.ask(request, timeout: 290).corrections ?? []
    Console.write(
      try json ? JSONOutput.text(reports) : CorrectionText.text(reports, isDryRun: dryRun))
    try Ending.end(reports.contains { $0.refusal != nil } ? .refused : .done)
  }
}

/// `weighbridge void`
struct VoidRecord: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "void",
    abstract: "Take one accepted record out again.",
    discussion: """
      Asks the running service. The record is looked for in the log by its tenant, key and hour, \
      and its exact negative is booked: in its own row while its period is open, else as an \
      adjustment in the oldest open period. Nothing is deleted, and the key stays taken: sent \
      again, the record is a duplicate. Exits 1 if it is refused or no such record was accepted, \
      and 3 if the log that may have held it is beyond retention.
      """)

  @OptionGroup var service: ServiceOptions
  @OptionGroup var record: RecordOptions

  func run() throws { try record.ask(service, nil) }
}

/// `weighbridge amend`
struct AmendRecord: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "amend",
    abstract: "Put a corrected record in the place of an accepted one.",
    discussion: """
      Does what weighbridge void does, and takes the same record in again with what is different, \
      in one step. What is not named stays as it is. The new record's key is made from the old \
      one's and the revision; both stay taken.
      """)

  @OptionGroup var service: ServiceOptions
  @OptionGroup var record: RecordOptions
  @Option(help: "The right quantity.") var quantity: Int64?
  @Option(help: "The right operation.") var operation: String?
  @Option(help: ArgumentHelp("The right type of context.", valueName: "type"))
  var contextType: String?
  @Option(help: "The right name of the context; the type is other if it is not given.")
  var context: String?
  @Option(
    help: ArgumentHelp("The right event time, such as 2026-01-05T14:03:07Z.", valueName: "time"))
  var time: String?

  func run() throws {
    try record.ask(
      service,
      AmendmentRequest(
        quantity: quantity, operation: operation, contextType: contextType, context: context,
        time: time))
  }
}

/// `weighbridge corrections`
struct Corrections: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "List what was voided, amended or replayed.")

  @OptionGroup var database: DatabaseOptions
  @Option(help: "Only this tenant.") var tenant: String?
  @Option(help: ArgumentHelp("Only records of this month, such as 2026-01.", valueName: "month"))
  var period: String?
  @Flag(help: "Print JSON.") var json = false

  func run() throws {
    let period = try period.map { try Period.parse($0) }
    let filter = UsageFilter(tenant: tenant, from: period?.firstHour, to: period?.endHour)
    var rows: [CorrectionRow] = []
    try database.open().snapshot { snapshot in
      try snapshot.corrections(filter) { rows.append($0) }
    }
    Console.write(try json ? CorrectionText.json(rows) : CorrectionText.list(rows))
  }
}
