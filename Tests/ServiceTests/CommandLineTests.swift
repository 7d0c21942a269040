import Foundation
import Testing

/// Commands that end before they need a service, a log or a database.
@Suite("Command lines that cannot be carried out")
struct CommandLineTests {
  private func run(_ arguments: String...) throws -> (status: Int32, text: String) {
    try Shell.run([ServiceProcess.program] + arguments)
  }

  @Test(
    "options of access logs are refused with records that say it themselves",
    arguments: [
      ["--tenant", "x"], ["--tenant-from", "user"], ["--context-type", "other"], ["--context", ""],
    ], ["ndjson", "csv"])
  func refusesOptionsOfAccessLogs(option: [String], format: String) throws {
    let found = try run("send", "--format", format, option[0], option[1], "/dev/null")
    #expect(found.status == 2)
    #expect(found.text.contains("\(option[0]) goes with --format combined"), "\(found)")
    #expect(found.text.contains("records of \(format)"), "\(found)")
  }

  @Test("a context type of an access log that is none is refused")
  func refusesContextType() throws {
    let found = try run(
      "send", "--format", "combined", "--source", "web-1", "--tenant", "acme", "--context-type",
      "foo", "/dev/null")
    #expect(found.status == 2)
    #expect(found.text.contains("--context-type: found foo; allowed: project"), "\(found)")
  }

  @Test("a tenant of an access log that is no name is refused")
  func refusesEmptyTenant() throws {
    let found = try run(
      "send", "--format", "combined", "--source", "web-1", "--tenant", "", "/dev/null")
    #expect(found.status == 2)
    #expect(found.text.contains("tenant: found nothing"), "\(found)")
  }

  @Test(
    "a CSV file whose header cannot be used is no usage at all",
    arguments: [
      ("", "CSV header, line 1: input: found an empty one"),
      ("tenant,kind\n", "CSV header, line 1: column: found no operation"),
    ])
  func refusesHeaders(text: String, expected: String) throws {
    let file = FileManager.default.temporaryDirectory
      .appending(path: "weighbridge-header-\(UUID().uuidString)").path
    defer { try? FileManager.default.removeItem(atPath: file) }
    try text.write(toFile: file, atomically: true, encoding: .utf8)
    let found = try run("send", "--format", "csv", file)
    #expect(found.status == 2)
    #expect(found.text.contains(expected), "\(found)")
  }

  @Test(
    "hours that end before they begin are refused", arguments: ["rollups", "adjustments"],
    ["2026-11-21", "2026-11-22", "2026-11-21T23:00:00Z"])
  func refusesHours(command: String, end: String) throws {
    let found = try run(command, "--from", "2026-11-22", "--to", end)
    #expect(found.status == 2)
    #expect(
      found.text.contains(
        "--to: found \"\(end)\"; allowed: an hour after --from, 2026-11-22T00:00:00Z"), "\(found)")
  }
}
