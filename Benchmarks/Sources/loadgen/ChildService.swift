import Foundation
import Glibc
import Server

/// A process that the benchmark starts and stops: a service in a scratch directory, or a sink.
final class ChildService {
  private let process = Process()
  private let scratch: URL
  private let program: String
  let dataDirectory: String

  /// Starts `weighbridge serve` with a private Postgres and waits until it takes usage.
  ///
  /// - Parameters:
  ///   - program: the path of `weighbridge`.
  ///   - settings: further settings, such as `--dedup-maximum-keys=30000000`.
  ///   - key: the only source key; nil for no authentication.
  init(program: String, settings: [String], key: SourceSecret?) throws {
    self.program = program
    // User postgres must be able to reach it, so it is no directory of mode 0700.
    scratch = FileManager.default.temporaryDirectory.appending(
      path: "weighbridge-loadgen.\(getpid())")
    try FileManager.default.createDirectory(at: scratch, withIntermediateDirectories: true)
    dataDirectory = scratch.appending(path: "data").path
    var arguments = [
      "serve", "--data-directory=\(dataDirectory)", "--ingest-udp=127.0.0.1:0",
      "--ingest-tcp=127.0.0.1:0", "--log-disk-reserve=256MiB",
    ]
    if let key {
      let file = scratch.appending(path: "keys").path
      let line = "\(key.id) \(key.hexadecimal)\n"
      guard
        FileManager.default.createFile(
          atPath: file, contents: Data(line.utf8), attributes: [.posixPermissions: 0o600])
      else { throw CommandFailure("\(file) cannot be written") }
      arguments += ["--authentication-mode=required", "--authentication-keys-file=\(file)"]
    }
    process.executableURL = URL(fileURLWithPath: program)
    process.arguments = arguments + settings
    let log = scratch.appending(path: "service.log")
    try Data().write(to: log)
    process.standardError = try FileHandle(forWritingTo: log)
    process.standardInput = FileHandle.nullDevice
    try process.run()
    for _ in 0..<600 {
      if let layout = try? DataDirectoryLayout(existing: dataDirectory),
        let answer = try? ControlClient.send(ControlRequest(.status), to: layout),
        answer.status?.isReady == true
      {
        return
      }
      guard process.isRunning else { break }
      usleep(100_000)
    }
    let text = (try? String(contentsOf: log, encoding: .utf8)) ?? ""
    stop()
    throw CommandFailure("the service does not start:\n\(text)")
  }

  /// Lets the service recompute its rollups from its log.
  ///
  /// - Returns: what it printed, if it found a difference.
  func verify() throws -> String? {
    let verify = Process()
    let pipe = Pipe()
    verify.executableURL = URL(fileURLWithPath: program)
    verify.arguments = ["verify", "--data-directory=\(dataDirectory)"]
    verify.standardOutput = pipe
    verify.standardError = FileHandle.nullDevice
    try verify.run()
    let data = pipe.fileHandleForReading.readDataToEndOfFile()
    verify.waitUntilExit()
    return verify.terminationStatus == 0 ? nil : String(decoding: data, as: UTF8.self)
  }

  /// Stops the service in good order and removes its directory.
  func stop() {
    if process.isRunning {
      process.terminate()
      process.waitUntilExit()
    }
    try? FileManager.default.removeItem(at: scratch)
  }
}

/// A source key.
struct SourceSecret {
  var id: UInt32
  var bytes: [UInt8]

  /// The secret as a keys file has it.
  var hexadecimal: String {
    bytes.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
  }

  /// A secret for a load against a service of its own.
  static let own = SourceSecret(id: 1, bytes: (0..<32).map { UInt8($0) })

  init(id: UInt32, bytes: [UInt8]) {
    self.id = id
    self.bytes = bytes
  }

  /// A secret from its digits; nil if they are none.
  init?(id: UInt32, hexadecimal: String) {
    let digits = hexadecimal.compactMap(\.hexDigitValue)
    guard digits.count == hexadecimal.count, digits.count.isMultiple(of: 2) else { return nil }
    self.init(
      id: id,
      bytes: stride(from: 0, to: digits.count, by: 2).map {
        UInt8(digits[$0] * 16 + digits[$0 + 1])
      }
    )
  }
}
