import Testing

@testable import Server

@Suite("Files of export jobs")
struct ExportFileTests {
  private let scratch: ScratchDirectory
  private let layout: DataDirectoryLayout

  init() throws {
    scratch = try ScratchDirectory()
    layout = try DataDirectoryLayout(existing: scratch.path)
  }

  private func path(
    _ arguments: JobArguments, _ change: (inout ServerConfiguration.Jobs) -> Void = { _ in }
  ) throws -> String {
    var configuration = ServerConfiguration()
    change(&configuration.jobs)
    return try ExportFile(arguments, configuration, layout).path
  }

  @Test("period, table and tenant are seen from the name")
  func names() throws {
    let month = "2026-01"
    #expect(try path(JobArguments(period: month)) == "\(layout.path)/exports/2026-01-rollups.csv")
    let all = JobArguments(
      period: month, tenant: "acme", what: .records, format: .ndjson, compress: .zstd)
    #expect(
      try path(all) { $0.exportDirectory = "/e" } == "/e/2026-01-records-acme.ndjson.zst")
    let configured = try path(JobArguments(period: month, what: .adjustments)) {
      $0.exportFormat = .ndjson
      $0.exportCompression = .gzip
    }
    #expect(configured == "\(layout.path)/exports/2026-01-adjustments.ndjson.gz")
  }

  @Test("no two tenants have the same file, and none leaves the directory")
  func tenants() throws {
    let tenants = [
      "a", "A", "a.b", "a-b", "a_b", "a/b", "a%2fb", "../../etc/x", "a b", "ä", "a\u{308}", "\u{1}",
      "\n", ".", "..", "a.csv",
    ]
    let paths = try tenants.map { try path(JobArguments(period: "2026-01", tenant: $0)) }
    #expect(Set(paths).count == tenants.count)
    for path in paths {
      #expect(path.hasPrefix("\(layout.path)/exports/2026-01-rollups-"), "\(path)")
      #expect(!path.dropFirst("\(layout.path)/exports/".count).contains("/"), "\(path)")
      #expect(path.utf8.allSatisfy { (0x21...0x7E).contains($0) }, "\(path)")
    }
    #expect(ExportFile.escaped("a/b ü") == "a%2fb%20%c3%bc")
  }

  @Test(
    "arguments that say nothing that can be exported",
    arguments: [
      (JobArguments(), "period: found none"),
      (JobArguments(period: "January"), "period: found \"January\"; allowed: a month"),
      (JobArguments(period: "2026-01", what: .records), "records are exported for one tenant"),
    ])
  func refused(arguments: JobArguments, message: String) {
    do throws(CommandFailure) {
      _ = try ExportFile(arguments, ServerConfiguration(), layout)
      Issue.record("made \(arguments)")
    } catch {
      #expect(error.message.hasPrefix(message), "\(error)")
    }
  }
}
