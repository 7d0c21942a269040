import ArgumentParser
import CanonicalLoad
import Foundation
import Server
import Wire

/// Whether something is done.
enum Switch: String, CaseIterable, ExpressibleByArgument {
  case on
  case off
}

/// `loadgen run`
struct Run: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Send one load and check what came of it.",
    discussion: """
      1,000 tenants and 50 operations by Zipf's law, three kinds, signed storage, duplicates, \
      conflicts, and late usage of a finalized period. Batches without an ack are sent again; the \
      run ends when every batch is acked. Then the service is asked to flush, and records and \
      quantities by tenant and kind, and the verdicts of the acks, are compared with what was \
      sent. Exit code 1 if anything differs.

      The service is one that runs already (--data-directory), to which nothing else may have been \
      sent; or one of its own in a scratch directory (--serve); or none (--sink): a process that \
      acks whatever it gets.
      """)

  @Option(help: ArgumentHelp("Data directory of a running service.", valueName: "dir"))
  var dataDirectory: String?
  @Option(help: ArgumentHelp("Start this weighbridge and stop it afterwards.", valueName: "path"))
  var serve: String?
  @Option(
    help: ArgumentHelp(
      "A further setting of the service that is started, such as log-segment-size=64MiB.",
      valueName: "setting"))
  var set: [String] = []
  @Flag(help: "Measure receiving and acking alone.") var sink = false

  @Option(help: "udp or tcp.") var transport = Transport.udp
  @Option(help: "Bytes of a frame.") var datagram = 1_400
  @Option(
    help: "Form of the keys: raw (16 bytes) or text50 (50 characters).",
    transform: {
      guard let form = KeyForm(rawValue: $0) else { throw ValidationError("raw or text50") }
      return form
    })
  var keys = KeyForm.raw
  @Option(help: "Sign frames: on or off; with --data-directory give --key-id and --secret.")
  var hmac = Switch.off
  @Option(help: ArgumentHelp("The key to sign with.", valueName: "id")) var keyID: UInt32?
  @Option(help: ArgumentHelp("Its secret in hexadecimal.", valueName: "digits"))
  var secret: String?
  @Option(help: "Check the tag of one ack of so many.") var checkEvery = 1
  @Option(help: "Sources, each with a socket of its own, at most 1,000.") var sources = 1
  @Option(help: "Batches of one source that may wait for their acks.") var window = 1_024
  @Option(help: "Percent of the records that repeat a key with the same payload.")
  var duplicates = 5.0
  @Option(help: "Percent of the records that repeat a key with another payload.")
  var conflicts = 0.2
  @Option(
    help: """
      Percent of the records with a time in a finalized period, 0.5 with --serve. Without --serve \
      it is 0, because it needs a period to be finalized first.
      """)
  var late: Double?
  @Option(help: "Frames that are prepared; each is sent again and again with new keys.")
  var frames = 4_096
  @Option(help: "Number that the load is drawn from.") var seed: UInt64 = 42

  @Option(help: "Seconds to send.") var seconds: Double?
  @Option(help: "Records to send.") var records: Int64?
  @Option(
    help: ArgumentHelp(
      "Send on a schedule, whether acks come or not, and count latency from it.",
      valueName: "records/s"))
  var rate: Double?
  @Option(help: "Give the sender and the receiver a core each: on or off.") var pin = Switch.on
  @Flag(help: "Let the service recompute its rollups from its log as well.") var verify = false
  @Option(help: ArgumentHelp("Write the figures as JSON.", valueName: "file")) var json: String?

  func validate() throws {
    guard [dataDirectory != nil, serve != nil, sink].count(where: { $0 }) == 1 else {
      throw ValidationError("one of --data-directory, --serve and --sink is needed")
    }
    if let fault = settings.fault { throw ValidationError(fault) }
    guard verify == false || serve != nil else {
      throw ValidationError("--verify needs --serve")
    }
    guard serve != nil || sink || (late ?? 0) == 0 else {
      throw ValidationError("--late needs --serve: it finalizes a period")
    }
    guard (keyID == nil) == (secret == nil) else {
      throw ValidationError("--key-id and --secret belong together")
    }
    if hmac == .on, dataDirectory != nil, keyID == nil {
      throw ValidationError("--hmac on with --data-directory needs --key-id and --secret")
    }
    _ = try sourceSecret()
  }

  func run() throws {
    let receiver: Measurement.Receiver
    if let serve {
      receiver = .own(program: serve)
    } else if let dataDirectory {
      receiver = .running(dataDirectory: dataDirectory)
    } else {
      receiver = .sink
    }
    let measurement = Measurement(
      name: settings.summary, settings: settings, receiver: receiver,
      secret: try sourceSecret(), verify: verify)
    let report = try measurement.run()
    print(report.text)
    if let json { try report.json().write(to: URL(fileURLWithPath: json)) }
    if !report.differences.isEmpty { throw ExitCode(1) }
  }

  private var settings: LoadSettings {
    var settings = LoadSettings()
    settings.transport = transport
    settings.datagramBytes = datagram
    settings.keys = keys
    settings.hmac = hmac == .on || keyID != nil
    settings.sources = sources
    settings.window = window
    settings.duplicatesPercent = duplicates
    settings.conflictsPercent = conflicts
    settings.latePercent = late ?? (dataDirectory == nil ? settings.latePercent : 0)
    settings.frames = frames
    settings.seed = seed
    settings.seconds = seconds
    settings.records = records
    settings.rate = rate
    settings.sink = sink
    settings.checkEvery = checkEvery
    settings.pin = pin == .on
    settings.service = set
    return settings
  }

  private func sourceSecret() throws -> SourceSecret? {
    guard let keyID, let secret else { return nil }
    guard let parsed = SourceSecret(id: keyID, hexadecimal: secret) else {
      throw ValidationError("--secret is not hexadecimal")
    }
    return parsed
  }
}
