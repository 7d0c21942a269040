import Foundation
import Metering
import Server
import Testing

@testable import Postgres

/// A real `weighbridge serve` in a scratch data directory.
final class ServiceProcess {
  /// What a finished command left.
  struct Result {
    var status: Int32
    var output: String
    var errors: String
  }

  struct Failure: Error, CustomStringConvertible {
    var description: String
  }

  /// The program, beside the test bundle.
  static let program = URL(fileURLWithPath: CommandLine.arguments[0])
    .deletingLastPathComponent().appendingPathComponent("weighbridge").path

  let data: String
  /// Settings as arguments, such as `--flush-interval 1s`.
  var settings: [String]
  /// What the service finds in its environment beside our own.
  var environment: [String: String] = [:]
  /// Put before every command, such as `nsenter …` for what only a namespace shows.
  private let enter: [String]
  private let scratch = "\(ScratchCluster.root)/service-\(UUID().uuidString.prefix(8))"
  private var process: Process?
  private var starts = 0

  /// A service that is not started yet.
  ///
  /// - Parameter database: a scratch database of its own; nil for its private Postgres.
  init(
    _ settings: [String] = [], directory: String? = nil, enter: [String] = [],
    database: ScratchDatabase?
  ) {
    self.enter = enter
    data = directory ?? "\(ScratchCluster.root)/data-\(UUID().uuidString.prefix(8))"
    self.settings =
      [
        "--ingest-udp", "127.0.0.1:0", "--ingest-tcp", "127.0.0.1:0", "--postgres-url",
        database?.serviceURL ?? "private", "--flush-interval", "200ms", "--log-segment-size",
        "8MiB",
        "--log-disk-reserve", "64MiB", "--dedup-maximum-keys", "4000000",
      ] + settings
  }

  /// Gives a setting another value.
  func set(_ name: String, _ value: String) {
    if let index = settings.firstIndex(of: name) {
      settings[index + 1] = value
    } else {
      settings += [name, value]
    }
  }

  deinit {
    kill()
    privatePostgres?.end()
    try? FileManager.default.removeItem(atPath: data)
  }

  private var logPath: String { "\(scratch).\(starts).log" }
  /// What the service logged since its last start.
  var log: String { (try? String(contentsOfFile: logPath, encoding: .utf8)) ?? "" }
  var layout: DataDirectoryLayout { get throws { try DataDirectoryLayout(existing: data) } }

  /// Starts the program without waiting for it.
  ///
  /// - Parameter shell: put before the program, such as `ulimit -f 100; exec`.
  func launch(shell: String? = nil) throws {
    starts += 1
    _ = FileManager.default.createFile(atPath: logPath, contents: nil)
    let process = Process()
    let command = [Self.program, "serve", "--data-directory", data] + settings
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    if let shell {
      process.arguments = ["bash", "-c", "\(shell) \"$0\" \"$@\""] + command
    } else {
      process.arguments = enter + command
    }
    process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle(forWritingAtPath: logPath)
    try Self.withSignals { try process.run() }
    self.process = process
  }

  /// Lets signals through as a shell does: a program inherits what the threads of a test hold back.
  private static func withSignals(_ body: () throws -> Void) rethrows {
    var none = sigset_t()
    var mask = sigset_t()
    unsafe sigemptyset(&none)
    unsafe pthread_sigmask(SIG_SETMASK, &none, &mask)
    defer { unsafe pthread_sigmask(SIG_SETMASK, &mask, nil) }
    try body()
  }

  /// Starts the program and waits until it takes usage.
  func start(shell: String? = nil) throws {
    try launch(shell: shell)
    try wait("ready") { try? self.status().isReady }
  }

  /// Asks until the answer is true; fails with the log after half a minute.
  func wait(_ what: String, seconds: Double = 60, _ condition: () throws -> Bool?) throws {
    let end = Date(timeIntervalSinceNow: seconds)
    while Date() < end {
      if try condition() == true { return }
      if let process, !process.isRunning {
        throw Failure(description: "ended with \(process.terminationStatus), not \(what):\n\(log)")
      }
      usleep(20_000)
    }
    throw Failure(description: "not \(what) in time:\n\(log)")
  }

  func status() throws -> ServiceStatus {
    guard enter.isEmpty else { return try printedStatus() }
    guard let status = try ask(ControlRequest(.status)).status else {
      throw Failure(description: "an answer without a status")
    }
    return status
  }

  /// The state as a command prints it, for a service whose sockets cannot be seen from here.
  private func printedStatus() throws -> ServiceStatus {
    let result = try run(["status", "--json", "--data-directory", data])
    guard !result.output.isEmpty else { throw Failure(description: result.errors) }
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    return try decoder.decode(ServiceStatus.self, from: Data(result.output.utf8))
  }

  func ask(_ request: ControlRequest) throws -> ControlResponse {
    try ControlClient.send(request, to: layout, timeout: 60)
  }

  /// Waits until everything is in Postgres.
  func flush() throws { _ = try ask(ControlRequest(.flush)) }

  var udp: String { get throws { try status().ingest.udp[0] } }
  var tcp: String { get throws { try status().ingest.tcp[0] } }

  func signal(_ number: Int32) {
    if let process, process.isRunning { Foundation.kill(process.processIdentifier, number) }
  }

  /// Ends the program at once, as a crash would.
  func kill() {
    guard let process else { return }
    signal(SIGKILL)
    process.waitUntilExit()
    Self.expectNoReport(of: process)
  }

  /// The server of the private Postgres; nil while none runs.
  var privatePostgres: PrivatePostmaster? { PrivatePostmaster(folder: "\(data)/postgres") }

  /// Waits for the program's end.
  func exitStatus(seconds: Double = 60) throws -> Int32 {
    guard let process else { throw Failure(description: "never started") }
    let end = Date(timeIntervalSinceNow: seconds)
    while process.isRunning, Date() < end { usleep(20_000) }
    guard !process.isRunning else { throw Failure(description: "still running:\n\(log)") }
    Self.expectNoReport(of: process)
    return process.terminationStatus
  }

  /// Stops the program in good order.
  func stop() throws -> Int32 {
    signal(SIGTERM)
    return try exitStatus()
  }

  /// Runs another command of the program on this data directory.
  func run(_ arguments: [String], input: String? = nil) throws -> Result {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = enter + [Self.program] + arguments
    let outputPath = "\(scratch).out-\(UUID().uuidString)"
    let errorPath = "\(scratch).err-\(UUID().uuidString)"
    _ = FileManager.default.createFile(atPath: outputPath, contents: nil)
    _ = FileManager.default.createFile(atPath: errorPath, contents: nil)
    process.standardOutput = FileHandle(forWritingAtPath: outputPath)
    process.standardError = FileHandle(forWritingAtPath: errorPath)
    if let input {
      let inputPath = "\(scratch).in-\(UUID().uuidString)"
      try input.write(toFile: inputPath, atomically: true, encoding: .utf8)
      process.standardInput = FileHandle(forReadingAtPath: inputPath)
    } else {
      process.standardInput = FileHandle.nullDevice
    }
    try process.run()
    process.waitUntilExit()
    Self.expectNoReport(of: process)
    return Result(
      status: process.terminationStatus,
      output: try String(contentsOfFile: outputPath, encoding: .utf8),
      errors: try String(contentsOfFile: errorPath, encoding: .utf8))
  }

  /// Fails the test if a sanitizer ended the program, with the status that
  /// `Config/run-sanitizers.sh` gives it; that script prints the report.
  private static func expectNoReport(of process: Process) {
    #expect(process.terminationStatus != 66, "ended by a sanitizer: \(process.arguments ?? [])")
  }

  /// Compares Postgres with the log.
  func verify() throws -> Result {
    try run(["verify", "--data-directory", data] + databaseArguments)
  }

  var databaseArguments: [String] {
    guard let index = settings.firstIndex(of: "--postgres-url") else { return [] }
    return Array(settings[index...index + 1])
  }
}

/// The running server of a private Postgres.
struct PrivatePostmaster {
  private let file: PostmasterFile
  private let folder: String

  init?(folder: String) {
    guard let file = PostmasterFile(dataDirectory: "\(folder)/data"),
      file.isAlive(dataDirectory: "\(folder)/data")
    else { return nil }
    self.file = file
    self.folder = folder
  }

  /// Connects as a superuser.
  func administrator() throws -> PostgresConnection {
    let url = PrivateCluster.connectionString(
      ofRunning: folder, user: PrivateCluster.administrator)
    return try PostgresConnection(ConnectionSettings(#require(url)))
  }

  /// Ends it at once, and waits for that.
  func end() {
    Foundation.kill(file.process, SIGKILL)
    while file.isAlive(dataDirectory: "\(folder)/data") { usleep(1_000) }
  }
}
