import ArgumentParser
import Client
import Foundation
import Server
import Wire

/// `weighbridge send`
struct Send: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Send usage from a file or standard input, and wait until all of it is acked.",
    discussion: """
      A bad line is reported on standard error with its number and reason, and does not stop the \
      rest. What is not acked is sent again.

      The idempotency key of a line of an access log is made from the source's name, the log's \
      first line, and the line's place and content: send a log again, or the grown log, under \
      the same --source, and nothing counts twice.

      Exits 0 if every line was acked as accepted, duplicate or late. Exits 1 if a line was bad, a \
      record was rejected or in conflict with an earlier one, a batch was refused, or the service \
      did not answer.
      """)

  /// What the input holds.
  enum Format: String, ExpressibleByArgument, CaseIterable {
    case ndjson
    case csv
    case combined
  }

  @OptionGroup var service: ServiceOptions

  @Argument(help: ArgumentHelp("The file; - is standard input.", valueName: "file"))
  var file = "-"

  @Option(help: "ndjson, csv (with a header), or combined (access logs of nginx and Apache).")
  var format = Format.ndjson

  @Option(
    help: ArgumentHelp(
      """
      The service; default: the one that runs for --config or --data-directory if given, else \
      127.0.0.1:4040.
      """, valueName: "host:port"))
  var server: String?

  @Option(help: "udp or tcp.") var transport = Transport.udp

  @Option(
    help: ArgumentHelp(
      "Name of the source, the same every time; default: the name of this machine.",
      valueName: "name"))
  var source: String?

  @Option(help: ArgumentHelp("Id of the key, if the file has several.", valueName: "number"))
  var keyId: UInt32?

  @Option(
    help: ArgumentHelp(
      """
      File of keys with mode 0600, a line for each: ID SECRET_IN_HEX [SOURCE ...]; default: \
      authentication.keysFile of --config, if keys are required.
      """, valueName: "file"))
  var keyFile: String?

  @Option(
    help: ArgumentHelp("Give up after so many seconds without any answer.", valueName: "seconds"))
  var timeout = 30

  @OptionGroup(title: "For access logs") var log: AccessLogArguments

  @Flag(help: "Print JSON.") var json = false

  /// How frames travel.
  enum Transport: String, ExpressibleByArgument, CaseIterable {
    case udp
    case tcp
  }

  func validate() throws {
    guard (1...86_400).contains(timeout) else {
      throw ValidationError("--timeout: found \(timeout); allowed: 1 to 86400 seconds")
    }
    if format == .combined, source == nil {
      throw ValidationError(
        "--source is needed with --format combined: the keys of the lines are made from it")
    }
    if format == .combined {
      _ = try log.origin()
    } else if let option = log.given {
      throw ValidationError(
        "\(option) goes with --format combined: records of \(format.rawValue) say it themselves")
    }
  }

  func run() throws {
    let sender: UsageSender
    let options = try options()
    do throws(SendError) {
      sender = try UsageSender(options: options)
    } catch {
      throw CommandFailure("\(error)", exit: .usage)
    }
    let run = try SendRun(input: input(), file: file)
    let outcome = run.send(with: sender)
    Console.write(try json ? SendText.json(outcome) : SendText.text(outcome))
    if let failure = outcome.failure { throw CommandFailure(failure) }
    try Ending.end(outcome.isComplete ? .done : .refused)
  }

  /// The records of the file.
  private func input() throws -> any UsageInput {
    do {
      let lines = try file == "-" ? LineSource.standardInput() : LineSource(path: file)
      switch format {
      case .ndjson: return NDJSONInput(lines)
      case .csv: return try CSVInput(lines)
      case .combined: return try AccessLogInput(lines, options: log.options(source: sourceName))
      }
    } catch let error as InputFault {
      throw CommandFailure("\(error)", exit: .usage)
    } catch InputFailure.header(let error) {
      throw CommandFailure("\(InputFailure.header(error))", exit: .usage)
    }
  }

  private func options() throws -> SenderOptions {
    let text = try serverText()
    guard let address = SenderOptions.server(text) else {
      throw CommandFailure(
        "--server: found \(JSONText.quoted(text)); allowed: a numeric address with a port, such as "
          + "127.0.0.1:4040 or [::1]:4040", exit: .usage)
    }
    // Each run numbers its batches anew, so each has an epoch of its own.
    let epoch = UInt64(Date().timeIntervalSince1970 * 1_000_000)
    return SenderOptions(
      server: address, transport: transport == .udp ? .udp : .tcp,
      source: SourceIdentity(name: sourceName, epoch: epoch), key: try key(),
      timeout: Int64(timeout) * 1_000)
  }

  private var sourceName: String { source ?? ProcessInfo.processInfo.hostName }

  /// The address that was given, or that the service tells, or the one where both meet.
  private func serverText() throws -> String {
    if let server { return server }
    guard service.isGiven else { return "127.0.0.1:4040" }
    guard let ingest = try service.ask(ControlRequest(.status)).status?.ingest,
      let first = (transport == .udp ? ingest.udp : ingest.tcp).first
    else { throw CommandFailure("the service does not listen on \(transport.rawValue)") }
    // Bound to all addresses, it is reached at this machine's own.
    if first.hasPrefix("0.0.0.0:") { return "127.0.0.1" + first.dropFirst(7) }
    if first.hasPrefix("[::]:") { return "[::1]" + first.dropFirst(4) }
    return first
  }

  /// The file of keys of the given configuration, if the service requires keys.
  private func configuredKeyFile() throws -> String? {
    guard service.config != nil else { return nil }
    let authentication = try service.configuration().authentication
    return authentication.mode == .required ? authentication.keysFile : nil
  }

  private func key() throws -> Client.SourceKey? {
    guard let keyFile = try keyFile ?? configuredKeyFile() else {
      if keyId != nil { throw CommandFailure("--key-id needs --key-file", exit: .usage) }
      return nil
    }
    let keys = try Server.SourceKey.read(file: keyFile)
    if keyId == nil, keys.count > 1 {
      throw CommandFailure("\(keyFile) holds \(keys.count) keys: give --key-id", exit: .usage)
    }
    guard let key = keyId == nil ? keys.first : keys.first(where: { $0.id.rawValue == keyId })
    else { throw CommandFailure("\(keyFile) holds no key \(keyId ?? 0)", exit: .usage) }
    return Client.SourceKey(id: key.id, secret: key.secret)
  }
}
