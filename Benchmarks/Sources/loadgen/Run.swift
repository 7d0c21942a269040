import ArgumentParser
import EventLoop
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
    abstract: "Send the canonical load and check what came of it.",
    discussion: """
      1,000 tenants and 50 operations by Zipf's law, three kinds, signed storage, duplicates. \
      Batches without an ack are sent again; the run ends when every batch is acked. Then the \
      service is asked to flush, and records and quantities by tenant and kind, and the verdicts \
      of the acks, are compared with what was sent. Exit code 1 if anything differs.

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
  @Option(help: "Bytes of a frame, at most.") var datagram = 1_400
  @Option(help: "Form of the keys: raw (16 bytes) or text50 (50 characters).")
  var keys = KeyForm.raw
  @Option(help: "Sign frames: on or off; with --data-directory give --key-id and --secret.")
  var hmac = Switch.off
  @Option(help: ArgumentHelp("The key to sign with.", valueName: "id")) var keyID: UInt32?
  @Option(help: ArgumentHelp("Its secret in hexadecimal.", valueName: "digits"))
  var secret: String?
  @Option(help: "Sources, each with a socket of its own, at most 1,000.") var sources = 1
  @Option(help: "Batches of one source that may wait for their acks.") var window = 256
  @Option(help: "Percent of the records that repeat a key with the same payload.")
  var duplicates = 5.0
  @Option(help: "Percent of the records that repeat a key with another payload.")
  var conflicts = 0.0
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
  @Flag(help: "Let the service recompute its rollups from its log as well.") var verify = false
  @Option(help: ArgumentHelp("Write the figures as JSON.", valueName: "file")) var json: String?

  func validate() throws {
    guard [dataDirectory != nil, serve != nil, sink].count(where: { $0 }) == 1 else {
      throw ValidationError("one of --data-directory, --serve and --sink is needed")
    }
    guard (1...1_000).contains(sources), window > 0, (300...WireLimits.longestFrame) ~= datagram,
      frames > 0, duplicates >= 0, conflicts >= 0, duplicates + conflicts <= 50,
      rate.map({ $0 > 0 }) ?? true
    else { throw ValidationError("a number is out of range; see --help") }
    guard verify == false || serve != nil else {
      throw ValidationError("--verify needs --serve")
    }
    guard (keyID == nil) == (secret == nil) else {
      throw ValidationError("--key-id and --secret belong together")
    }
    _ = try sourceSecret()
  }

  func run() throws {
    if sink {
      let process = try SinkProcess()
      defer { process.stop() }
      try finish(load(process.address(transport)), service: nil, differences: [], directory: "/tmp")
      return
    }
    guard let serve else {
      try measure(dataDirectory ?? "")
      return
    }
    let service = try ChildService(
      program: serve, settings: set.map { "--\($0)" }, key: sourceSecret())
    defer { service.stop() }
    try measure(service.dataDirectory) { verify ? try service.verify() : nil }
  }

  private func measure(_ directory: String, verify: () throws -> String? = { nil }) throws {
    let probe = try ServiceProbe(dataDirectory: directory)
    let outcome = try load(probe.address(transport))
    var differences = ResultCheck.answers(outcome.result, expected: outcome.pool.expectedVerdicts)
    let figures = try probe.finish(outcome.result)
    differences += ResultCheck.totals(
      try probe.totals(), expected: outcome.pool.expectedTotals)
    if let text = try verify() { differences.append("verify: \(text)") }
    try finish(outcome, service: figures, differences: differences, directory: directory)
  }

  private func load(_ address: SocketAddress) throws -> (result: LoadResult, pool: FramePool) {
    let secret = try sourceSecret()
    let pool = FramePool(
      FramePool.Plan(
        frames: max(frames, window * sources), sources: sources,
        epoch: UInt64(EventLoop.wallMilliseconds()), keyID: secret?.id ?? 0, secret: secret?.bytes,
        keys: keys, frameLength: datagram, duplicates: Int(duplicates * 100),
        conflicts: Int(conflicts * 100), seed: seed))
    if let fault = pool.firstFault() {
      throw CommandFailure("the decoder of the service does not take what would be sent: \(fault)")
    }
    let host = "\(address)".drop { $0 == "[" }.prefix { $0 != "]" }
    let plan = LoadPlan(
      host: host.contains("::") ? String(host) : String(host.prefix { $0 != ":" }),
      port: address.port, transport: transport, sources: sources, window: window,
      seconds: seconds ?? (records == nil ? 10 : .infinity), records: records ?? .max, rate: rate)
    return (try LoadSender(plan, pool: pool).run(), pool)
  }

  private func finish(
    _ outcome: (result: LoadResult, pool: FramePool), service: ServiceFigures?,
    differences: [String], directory: String
  ) throws {
    let settings = Settings(
      transport: transport, datagramBytes: datagram, keys: keys.rawValue,
      hmac: try sourceSecret() != nil, sources: sources, window: window,
      duplicatesPercent: duplicates, conflictsPercent: conflicts, recordsPerSecond: rate,
      sink: sink)
    let report = Report(
      machine: Machine(dataDirectory: directory), settings: settings,
      sender: SenderFigures(outcome.result, recordsPerBatch: outcome.pool.recordsPerFrame),
      service: service,
      differences: sink ? ResultCheck.answers(outcome.result, expected: nil) : differences)
    print(report.text)
    if let json { try report.json().write(to: URL(fileURLWithPath: json)) }
    if !report.differences.isEmpty { throw ExitCode(1) }
  }

  private func sourceSecret() throws -> SourceSecret? {
    if let keyID, let secret {
      guard let parsed = SourceSecret(id: keyID, hexadecimal: secret) else {
        throw ValidationError("--secret is not hexadecimal")
      }
      return parsed
    }
    if hmac == .off { return nil }
    guard dataDirectory == nil else {
      throw ValidationError("--hmac on with --data-directory needs --key-id and --secret")
    }
    return .own
  }
}
