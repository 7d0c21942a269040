import Foundation
import Postgres
import Testing

@Suite("The log of a service that fails, as JSON")
struct LogTests {
  private let database: ScratchDatabase
  private let service: ServiceProcess

  init() throws {
    database = try ScratchDatabase()
    service = ServiceProcess(["--logging-format", "json"], database: database)
  }

  /// The messages of all lines; every line must be an object with a message.
  private func messages() throws -> [(level: String, message: String)] {
    let lines = service.log.split(separator: "\n").map { line -> (String, String)? in
      let object = try? JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
      guard let level = object?["level"] as? String, let message = object?["message"] as? String
      else { return nil }
      return (level, message)
    }
    #expect(lines.allSatisfy { $0 != nil }, "\(service.log)")
    return lines.compactMap { $0 }
  }

  @Test("says why it does not start", .timeLimit(.minutes(2)))
  func failedStart() throws {
    try database.administrator().execute(
      "INSERT INTO weighbridge.schema_migrations (version, name) VALUES (99, 'future')")
    try service.launch()
    #expect(try service.exitStatus() == 1)
    let (level, message) = try #require(try messages().last)
    #expect(level == "critical" && message.contains("99"), "\(service.log)")
  }

  @Test("says why it had to stop", .timeLimit(.minutes(2)))
  func failedWrite() throws {
    // No file may grow to the size of a segment.
    service.set("--log-segment-size", "4MiB")
    try service.launch(shell: "ulimit -f 1536; trap '' XFSZ; exec")
    #expect(try service.exitStatus() == 1)
    // The writer may fail before the loop says that it is ready.
    let fatal = try messages().filter { $0.message.hasPrefix("FATAL: ") }
    #expect(fatal.map(\.level) == ["critical"], "\(service.log)")
  }
}
