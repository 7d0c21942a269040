import EventLoop
import Foundation
import Metering
import Testing
import Wire

@testable import Server

/// Driven by the table of settings: whatever is added to it is covered.
@Suite struct ConfigurationSettingTests {
  /// Three values for each setting that differ from each other and from the default, and from
  /// which a valid configuration follows.
  static let samples: [String: [String]] = [
    "dataDirectory": ["/a", "/b", "/c"],
    "ingest.udp": ["127.0.0.1:1,[::1]:2", "127.0.0.2:7", "off"],
    "ingest.tcp": ["127.0.0.1:1", "127.0.0.2:7,127.0.0.3:7", "off"],
    "ingest.loops": ["1", "64", "4"],
    "ingest.partitions": ["1", "64", "4"],
    "authentication.mode": ["none", "none", "none"],
    "authentication.keysFile": ["/k1", "/k2", "/k3"],
    "acceptance.back": ["34d", "33d", "32d12h"],
    "acceptance.ahead": ["2h", "3h", "1m30s"],
    "dedup.window": ["37d", "38d", "39d"],
    "dedup.maximumMemory": ["64MiB", "100MiB", "101MiB"],
    "dedup.maximumDisk": ["64MiB", "1GiB", "1TiB"],
    "calendars": [
      "{a: {day: 15}}", "{a: {day: 2, offset: -3}, \"b c\": {offset: 14}}",
      "{b: [{from: 2026-01, day: 28, offset: 1}, {from: 2026-07, day: 1, offset: 0}]}",
    ],
    "weights": [
      "{a: 1}", "{a: 2, \"GET /x, y: z\": 3}",
      "{b: [{from: 2026-01-01, weight: 4}, {from: 2026-01-02T03:04:05Z, weight: 0}]}",
    ],
    "jobs.finalize": ["@monthly", "0 4 3 * *", "none"],
    "jobs.verify": ["@hourly", "*/5 1-3 * jan-mar 7", "none"],
    "jobs.export": ["@monthly", "0 6 5 * *", "@daily"],
    "jobs.exportDirectory": ["/e1", "/e2", "/e3"],
    "jobs.exportFormat": ["ndjson", "ndjson", "ndjson"],
    "jobs.exportCompression": ["gzip", "zstd", "gzip"],
    "jobs.attempts": ["1", "100", "3"],
    "jobs.tenants": [
      "{a: {finalize: none}}", "{b: {finalize: \"@monthly\", finalizeAfter: 2d}}",
      "{\"c: d\": {finalize: \"0 4 * * 1\"}, a: {finalizeAfter: 0s, finalize: none}}",
    ],
    "postgres.url": ["postgresql:///a", "postgresql://u@h1,h2/d", "host=/run dbname=x"],
    "logging.level": ["trace", "warning", "critical"],
    "logging.format": ["json", "json", "json"],
  ]

  static func samples(of setting: Setting) -> [String] {
    if let samples = samples[setting.key] { return samples }
    switch setting.type {
    case "duration":
      return ["61s", "62s", "63s"].map { setting.key == "log.commitDelay" ? "9ms" : $0 }
    case "size":
      return ["65500", "65501", "65502"].map {
        setting.key.hasSuffix("Frame") ? $0 : "2" + $0 + "00"
      }
    default: return ["7001", "7002", "7003"]
    }
  }

  @Test(arguments: Setting.all.map(\.key))
  func everySettingCanBeGivenInThreeWays(key: String) throws {
    let fixture = try ConfigurationFixture()
    let setting = try #require(Setting.named(key))
    let values = Self.samples(of: setting)
    let fileText =
      setting.shape == .table ? values[0] : "\"\(values[0].replacing("\"", with: "\\\""))\""
    let yaml = "\(key): \(fileText)"
    let environment = [setting.environmentName: values[1]]
    let arguments = [setting.argumentName, values[2]]

    func expected(_ text: String) throws -> String {
      var configuration = ServerConfiguration()
      try setting.assign(text, "/", &configuration)
      return setting.text(configuration)
    }
    let fromFile = try fixture.load(yaml)
    #expect(setting.text(fromFile.configuration) == (try expected(values[0])))
    #expect(fromFile.origin(of: key) == .file(path: fixture.file, line: 1))

    let fromEnvironment = try fixture.load(yaml, [], environment)
    #expect(setting.text(fromEnvironment.configuration) == (try expected(values[1])))
    #expect(fromEnvironment.origin(of: key) == .environment(name: setting.environmentName))

    for form in [arguments, [arguments.joined(separator: "=")]] {
      let fromArgument = try fixture.load(yaml, form, environment)
      #expect(setting.text(fromArgument.configuration) == (try expected(values[2])))
      #expect(fromArgument.origin(of: key) == .argument(name: setting.argumentName))
    }
    let none = try fixture.load("", [], [:])
    #expect(none.configuration == ServerConfiguration())
    #expect(none.origins.isEmpty)
  }

  @Test(arguments: Setting.all.map(\.key))
  func canonicalTextIsReadAsTheSameValue(key: String) throws {
    let setting = try #require(Setting.named(key))
    for text in ["default"] + Self.samples(of: setting) {
      var configuration = ServerConfiguration()
      if text != "default" { try setting.assign(text, "/", &configuration) }
      var again = ServerConfiguration()
      try setting.assign(setting.text(configuration), "/", &again)
      #expect(again == configuration)
    }
  }

  @Test(arguments: Setting.all.map(\.key))
  func nonsenseIsRefusedByEverySettingButPaths(key: String) throws {
    let setting = try #require(Setting.named(key))
    var configuration = ServerConfiguration()
    let nonsense = ["", "-1", "1.5", "ninety", "0x10", "99999999999999999999", " 5m", "\u{0}"]
    for text in nonsense where setting.type != "path" || text == "" || text == "\u{0}" {
      #expect(throws: SettingMismatch.self, "\(text)") {
        try setting.assign(text, "/", &configuration)
      }
    }
    #expect(configuration == ServerConfiguration())
  }

  @Test func durationsAndSizesAsText() {
    for text in ["30m1h", "1h1h", "1", "h", "1 h", "1w", "1h30", "+1h", "106751991168d", ""] {
      #expect(Duration(text: text) == nil, "\(text)")
    }
    for (text, milliseconds) in [
      ("1d2h3m4s5ms", 93_784_005), ("0s", 0), ("90m", 5_400_000),
      ("106751991167d", 9_223_372_036_828_800_000),
    ] as [(String, Int64)] {
      #expect(Duration(text: text)?.milliseconds == milliseconds)
      #expect(
        Duration(text: Duration.milliseconds(milliseconds).text)?.milliseconds == milliseconds)
    }
    for text in ["", "1 KiB", "1kib", "-1", "1.5GiB", "9223372036854775808", "8388608TiB", "KiB"] {
      #expect(ByteSize.bytes(of: text) == nil, "\(text)")
    }
    for (text, bytes) in [("0", 0), ("1536", 1_536), ("3KiB", 3_072), ("1GiB", 1 << 30)] {
      #expect(ByteSize.bytes(of: text) == bytes && ByteSize.text(bytes) == text)
    }
    #expect(ByteSize.bytes(of: "7B") == 7)
  }

  @Test func namesAreUniqueAndDerived() throws {
    #expect(Set(Setting.all.map(\.key)).count == Setting.all.count)
    #expect(Set(Setting.all.map(\.environmentName)).count == Setting.all.count)
    #expect(Set(Setting.all.map(\.argumentName)).count == Setting.all.count)
    let setting = try #require(Setting.named("limits.contextsPerTenant"))
    #expect(setting.environmentName == "WEIGHBRIDGE_LIMITS_CONTEXTS_PER_TENANT")
    #expect(setting.argumentName == "--limits-contexts-per-tenant")
  }

  @Test func helpNamesEverything() {
    for setting in Setting.all {
      #expect(setting.meaning.hasSuffix("."))
      for part in [
        setting.argumentName, setting.key, setting.environmentName, setting.allowed,
        setting.meaning, "Default: \(setting.defaultText).",
      ] { #expect(Setting.help.contains(part)) }
    }
  }

  @Test func theLedgersDefaultsAreTheSame() {
    let ledger = ServerConfiguration().ledger
    let own = LedgerConfiguration(weights: .empty, canonicalText: ledger.canonicalText)
    #expect("\(ledger)" == "\(own)")
  }

  @Test func sampleConfigurationIsValidAndSpellsOutTheDefaults() throws {
    let url = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent()
      .appendingPathComponent("Config/weighbridge.yaml")
    let loaded = try ConfigurationFixture().load(try String(contentsOf: url, encoding: .utf8))
    var configuration = loaded.configuration
    #expect(WeightsFormat.operationCount(configuration.weights) >= 50)
    #expect(configuration.weights.entries.contains { $0.effectiveFrom.milliseconds > 0 })
    configuration.weights = .empty
    #expect(configuration == ServerConfiguration())
    #expect(Set(loaded.origins.keys) == Set(Setting.all.map(\.key)))
    #expect(loaded.warnings.isEmpty)
  }
}
