import Foundation
import Testing

@testable import Server

@Suite struct ConfigurationFaultTests {
  struct Case: Sendable, CustomTestStringConvertible {
    var name: String
    var yaml: String?
    var arguments: [String] = []
    var environment: [String: String] = [:]
    var faults: [String]
    var testDescription: String { name }
  }

  static let duration = "such as 35d, 1h30m or 500ms"

  static let cases: [Case] = [
    Case(name: "empty file", yaml: "", faults: []),
    Case(name: "comments only", yaml: "# nothing\ningest:\n  # nothing\nweights:\n", faults: []),
    Case(
      name: "not a duration", yaml: "acceptance:\n  back: 35x\n",
      faults: [
        "acceptance.back: found \"35x\" (FILE line 2); allowed: a duration from 1m to 3650d, "
          + duration
      ]),
    Case(
      name: "a number without a unit", environment: ["WEIGHBRIDGE_FLUSH_INTERVAL": "10"],
      faults: [
        "flush.interval: found \"10\" (WEIGHBRIDGE_FLUSH_INTERVAL); allowed: a duration from "
          + "100ms to 1d, " + duration
      ]),
    Case(
      name: "out of range", arguments: ["--ingest-maximum-frame", "64KiB"],
      faults: [
        "ingest.maximumFrame: found \"64KiB\" (--ingest-maximum-frame); allowed: a size from 192 "
          + "to 65507 in bytes, B, KiB, MiB, GiB or TiB"
      ]),
    Case(
      name: "decimal units", arguments: ["--log-segment-size=256MB"],
      faults: [
        "log.segmentSize: found \"256MB\" (--log-segment-size); allowed: a size from 1MiB to 4GiB "
          + "in bytes, B, KiB, MiB, GiB or TiB"
      ]),
    Case(
      name: "too many loops and partitions", yaml: "ingest: {loops: 0, partitions: 65}",
      faults: [
        "ingest.loops: found \"0\" (FILE line 1); allowed: a whole number of loops from 1 to 64",
        "ingest.partitions: found \"65\" (FILE line 1); allowed: a whole number of partitions "
          + "from 1 to 64",
      ]),
    Case(
      name: "a word", yaml: "logging:\n  level: loud",
      faults: [
        "logging.level: found \"loud\" (FILE line 2); allowed: one of trace, debug, info, notice, "
          + "warning, error, critical"
      ]),
    Case(
      name: "unknown keys", yaml: "ingest:\n  upd: off\n  partition: 1\nzzz: 1\n",
      faults: [
        "ingest.upd: found \"off\" (FILE line 2); there is no such setting; the nearest is "
          + "ingest.udp",
        "ingest.partition: found \"1\" (FILE line 3); there is no such setting; the nearest is "
          + "ingest.partitions",
        "zzz: found \"1\" (FILE line 4); there is no such setting",
      ]),
    Case(
      name: "a password under a misspelled key", yaml: "postgres:\n  ulr: postgresql://u:pw@h/d",
      arguments: ["--postgres-ulr", "postgresql://u:pw@h/d"],
      faults: [
        "postgres.ulr: found \"postgresql://u:***@h/d\" (FILE line 2); there is no such setting; "
          + "the nearest is postgres.url",
        "--postgres-ulr: found \"postgresql://u:***@h/d\"; there is no such argument; the nearest "
          + "is --postgres-url",
      ]),
    Case(
      name: "a refused password", yaml: "postgres: {url: \"mysql://u:p/w@h/d\"}",
      faults: [
        "postgres.url: found \"mysql://u:***@h/d\" (FILE line 1); allowed: \"private\", or a "
          + "connection string of libpq, such as postgresql://user@host:5432/database or "
          + "\"host=/run/postgresql dbname=usage\""
      ]),
    Case(
      name: "sections and values",
      yaml: "ingest: 5\nshutdown:\n  limit: [1s, 2s]\nclock:\n  maximumAdvance:\n",
      faults: [
        "ingest: found \"5\" (FILE line 1); it is a section and holds settings, not a value",
        "shutdown.limit: (FILE line 3); it has more than one value; allowed: a duration from 1s to "
          + "1d, " + duration,
        "clock.maximumAdvance: (FILE line 5); it has no value; allowed: a duration from 1m to "
          + "3650d, " + duration,
      ]),
    Case(
      name: "given twice", yaml: "shutdown:\n  limit: 1s\nshutdown.limit: 2s\n",
      arguments: ["--flush-interval", "1s", "--flush-interval=2s"],
      faults: [
        "shutdown.limit: (FILE line 3); it is given before, in line 2",
        "flush.interval: (--flush-interval); it is given twice",
      ]),
    Case(
      name: "twice in a mapping", yaml: "flush:\n  interval: 1s\n  interval: 2s\n",
      faults: ["FILE: (FILE line 2); a mapping has twice: interval"]),
    Case(
      name: "not YAML", yaml: "flush: [1\nx: y",
      faults: ["FILE: (FILE line 2); it is not YAML: did not find expected ',' or ']'"]),
    Case(name: "a list", yaml: "- 1\n", faults: ["FILE: it is not a mapping of settings"]),
    Case(
      name: "arguments", arguments: ["stray", "--flush-intervall", "1s", "--shutdown-limit"],
      faults: [
        "stray: it belongs to no argument",
        "--flush-intervall: found \"1s\"; there is no such argument; the nearest is "
          + "--flush-interval",
        "shutdown.limit: (--shutdown-limit); it has no value; allowed: a duration from 1s to 1d, "
          + duration,
      ]),
    Case(
      name: "addresses",
      yaml: "ingest:\n  udp: [localhost:1, 127.0.0.1:1, example.org:5, \"::1:5\"]\n",
      faults: [
        "ingest.udp: found \"127.0.0.1:1\" (FILE line 2); it is there twice",
        "ingest.udp: found \"example.org:5\" (FILE line 2); allowed: \"off\", or numeric addresses "
          + "with ports, such as 127.0.0.1:4040 or [::1]:4040, as a list or separated by commas",
        "ingest.udp: found \"::1:5\" (FILE line 2); allowed: \"off\", or numeric addresses "
          + "with ports, such as 127.0.0.1:4040 or [::1]:4040, as a list or separated by commas",
      ]),
    Case(
      name: "weights that are no table", yaml: "weights: 5\n",
      faults: [
        "weights: found \"5\" (FILE line 1); allowed: a mapping from operations to a weight from 0 "
          + "to 1000000, or to a list such as [{from: 2026-01-01, weight: 5}]"
      ]),
    Case(
      name: "weights",
      yaml: """
        weights:
          a: -1
          b: 1000001
          c: [{from: 2026-02-30, weight: 1}]
          d: [{from: 2026-01-01, weight: 1}, {from: 2026-01-01T00:00:00Z, weight: 2}]
          e: [{weight: 1}]
          "": 1
          f: []
        """,
      faults: [
        "weights.a: found \"-1\" (FILE line 1); a weight is a whole number from 0 to 1000000",
        "weights.b: found \"1000001\" (FILE line 1); a weight is a whole number from 0 to 1000000",
        "weights.c: found \"2026-02-30\" (FILE line 1); from is a date such as 2026-01-01, or a "
          + "time such as 2026-01-01T00:00:00Z",
        "weights.d: (FILE line 1); weight of \"d\" is given twice from 2026-01-01T00:00:00Z",
        "weights.e: (FILE line 1); each item has exactly the two keys from and weight",
        "weights.: (FILE line 1); weight of \"\": the name must have 1 to 255 bytes and no U+0000",
        "weights.f: (FILE line 1); it is neither a weight nor a list of {from, weight}",
      ]),
  ]

  @Test(arguments: cases)
  func faultsAreNamed(_ item: Case) throws {
    let fixture = try ConfigurationFixture()
    let found = try fixture.faults(item.yaml, item.arguments, item.environment)
    #expect(found == item.faults)
  }

  @Test func allFaultsAreCollected() throws {
    let fixture = try ConfigurationFixture()
    let faults = try fixture.faults(
      "flush:\n  interval: x\nnonsense: 1\nacceptance: {back: 40d}\n", ["--shutdown-limit", "0s"],
      ["WEIGHBRIDGE_LOGGING_FORMAT": "xml"])
    #expect(
      faults.map { String($0.prefix { $0 != ":" }) } == [
        "nonsense", "flush.interval", "shutdown.limit", "logging.format", "dedup.window",
      ])
  }

  @Test func theErrorHasOneLineForEachFault() throws {
    let error = ConfigurationError(faults: [
      .init(key: "a", reason: "b"), .init(key: "c", reason: "d"),
    ])
    #expect("\(error)" == "the configuration has 2 faults:\n  a: b\n  c: d")
    #expect(CommandFailure(error).exit == .usage)
    #expect(CommandExit.allCases.map(\.rawValue) == [0, 1, 2, 3])
  }

  @Test func filesThatCannotBeRead() throws {
    let fixture = try ConfigurationFixture()
    func fault(_ file: String) throws -> String {
      do throws(ConfigurationError) {
        _ = try ConfigurationLoader.load(
          ConfigurationSources(
            file: file, arguments: [], environment: [:], workingDirectory: fixture.scratch.path,
            physicalMemory: ConfigurationFixture.memory))
        return ""
      } catch {
        return fixture.shown(error.faults.map(\.description).joined())
      }
    }
    #expect(
      try fault("/absent.yaml") == "/absent.yaml: cannot open it: No such file or directory")
    #expect(
      try fault("absent.yaml") == "DIR/absent.yaml: cannot open it: No such file or directory")
    #expect(try fault("/tmp") == "/tmp: cannot read it: Is a directory")
    #expect(try fault("/dev/null").isEmpty)
    #expect(try fault("/dev/zero") == "/dev/zero: cannot read it: File too large")
    try Data([0x61, 0x3A, 0xFF]).write(to: URL(fileURLWithPath: fixture.file))
    #expect(try fault(fixture.file) == "FILE: it is not UTF-8")
  }

  @Test func pathsStartWhereTheyAreWritten() throws {
    let fixture = try ConfigurationFixture()
    let yaml = "dataDirectory: data/\n"
    #expect(try fixture.load(yaml).configuration.dataDirectory == "\(fixture.scratch.path)/data")
    let loaded = try fixture.load(yaml, ["--data-directory", "data"])
    #expect(loaded.configuration.dataDirectory == "/work-dir/data")
  }
}
