import Metering
import Testing

@testable import Server

@Suite("Settings of jobs")
struct JobConfigurationTests {
  @Test(
    "a broken schedule is refused with what was found, where, and what is allowed",
    arguments: [
      (
        "jobs: {verify: \"61 3 * * *\"}",
        ["jobs.verify", "line 1", "minute: found \"61\"", "allowed: *, or 0 to 59"]
      ),
      (
        "jobs: {finalize: \"0 0 31 2 *\"}",
        ["jobs.finalize", "day of month: found \"31\" with month \"2\"", "never comes"]
      ),
      ("jobs: {finalize: monthly}", ["jobs.finalize", "found \"monthly\"", "@monthly"]),
      (
        "jobs: {tenants: {acme: {finalize: \"0 0 * * 8\"}}}",
        ["jobs.tenants.acme.finalize", "day of week: found \"8\"", "0 to 7"]
      ),
      (
        "jobs: {tenants: {acme: {finalize: none, finalizeAfter: 9000d}}}",
        ["jobs.tenants.acme.finalizeAfter", "9000d", "from 0s to 365d"]
      ),
      (
        "jobs: {tenants: {acme: {finaliz: none}}}",
        ["jobs.tenants.acme", "finaliz", "the keys are"]
      ),
      ("jobs: {tenants: {acme: daily}}", ["jobs.tenants.acme", "daily", "the keys are"]),
      ("jobs: {tenants: {acme: {finalizeAfter: 2d}}}", ["jobs.tenants.acme", "the keys are"]),
      ("jobs: {tenants: {\"\": {finalize: none}}}", ["jobs.tenants", "1 to 255 bytes"]),
      (
        "jobs: {export: \"0 25 1 * *\"}",
        ["jobs.export", "hour: found \"25\"", "allowed: *, or 0 to 23"]
      ),
      ("jobs: {exportDirectory: \"\"}", ["jobs.exportDirectory", "\"default\", or a path"]),
      ("jobs: {exportFormat: parquet}", ["jobs.exportFormat", "parquet", "csv, ndjson"]),
      ("jobs: {exportCompression: zip}", ["jobs.exportCompression", "gzip, zstd, none"]),
      ("jobs: {attempts: 0}", ["jobs.attempts", "from 1 to 100"]),
      (
        "jobs: {finalize: \"@monthly\", finalizeAfter: 5m}",
        ["jobs.finalizeAfter", "at least", "hours.closeGrace is 10m"]
      ),
    ])
  func refused(yaml: String, words: [String]) throws {
    let fixture = try ConfigurationFixture()
    let error = #expect(throws: ConfigurationError.self) { try fixture.load(yaml) }
    let text = error.map { "\($0)" } ?? ""
    for word in words { #expect(text.contains(word), "\(word) is not in \(text)") }
  }

  @Test("the directory of exports is relative to the file of the configuration, or the default")
  func exportDirectory() throws {
    let fixture = try ConfigurationFixture()
    let loaded = try fixture.load("jobs: {exportDirectory: billing}")
    #expect(loaded.configuration.jobs.exportDirectory == "\(fixture.scratch.path)/billing")
    let other = try fixture.load("jobs: {exportDirectory: default, export: \"0 6 5 * *\"}")
    #expect(other.configuration.jobs.exportDirectory == nil)
    #expect(other.configuration.jobs.export?.text == "0 6 5 * *")
  }

  @Test("a delay below the grace is allowed while nothing is finalized by itself")
  func delayWithoutSchedule() throws {
    let fixture = try ConfigurationFixture()
    let loaded = try fixture.load("jobs: {finalizeAfter: 5m}")
    #expect(loaded.configuration.jobs.finalizeAfter == .seconds(300))
  }
}
