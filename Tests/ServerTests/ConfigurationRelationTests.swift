import Dedup
import Foundation
import Metering
import Testing
import Wire

@testable import Server

@Suite struct ConfigurationRelationTests {
  let fixture: ConfigurationFixture

  init() throws { fixture = try ConfigurationFixture() }

  @Test func theWindowCoversTheAcceptance() throws {
    #expect(
      try fixture.faults("dedup:\n  window: 35d\n", ["--acceptance-ahead", "90m"]) == [
        "dedup.window: found \"35d\" (FILE line 2); allowed: at least 35d1h30m, which is "
          + "acceptance.back is 35d (default) plus acceptance.ahead is 1h30m (--acceptance-ahead)"
      ])
    #expect(try fixture.faults("dedup: {window: 35d1h}") == [])
    #expect(try fixture.faults("dedup: {window: 35d59m59s999ms}").count == 1)
  }

  @Test func withoutAuthenticationOnlyLoopback() throws {
    #expect(
      try fixture.faults("ingest:\n  udp: [127.0.0.1:1, 0.0.0.0:1]\n", ["--ingest-tcp", "[::]:4"])
        == [
          "ingest.udp: found \"127.0.0.1:1,0.0.0.0:1\" (FILE line 2); 0.0.0.0:1 can be reached "
            + "from other machines, and authentication.mode is none (default); allowed: loopback "
            + "addresses, or any with authentication.mode required",
          "ingest.tcp: found \"[::]:4\" (--ingest-tcp); [::]:4 can be reached "
            + "from other machines, and authentication.mode is none (default); allowed: loopback "
            + "addresses, or any with authentication.mode required",
        ])
    #expect(try fixture.faults("ingest: {udp: [127.9.9.9:1, \"[::1]:1\"]}") == [])
    let keys = try fixture.scratch.write("1 \(String(repeating: "ab", count: 16))\n", to: "keys")
    let arguments = ["--authentication-mode", "required", "--authentication-keys-file", keys]
    #expect(try fixture.faults("ingest: {udp: 0.0.0.0:1}", arguments) == [])
  }

  @Test func somethingMustListen() throws {
    #expect(
      try fixture.faults("ingest:\n  udp: off\n  tcp: off\n") == [
        "ingest.udp: found \"off\" (FILE line 2); ingest.tcp is off too, so that nothing could be "
          + "received; allowed: an address for one of the two"
      ])
  }

  @Test func keysMustFitIntoMemory() throws {
    #expect(
      try fixture.faults("dedup:\n  maximumMemory: 2GiB\n", memory: 1 << 30) == [
        "dedup.maximumMemory: found \"2GiB\" (FILE line 2); this machine has 1024MiB of memory; "
          + "allowed: at most that, with room for the rest of the service"
      ])
    let loaded = try fixture.load(memory: 1 << 30)
    #expect(
      loaded.warnings.map(\.description) == [
        "dedup.maximumMemory: found \"4GiB\" (default); this machine has 1024MiB of memory"
      ])
  }

  @Test func everyPartitionNeedsRoomForKeys() throws {
    #expect(
      try fixture.faults("ingest: {partitions: 4}\ndedup: {maximumMemory: 255MiB}\n") == [
        "dedup.maximumMemory: found \"255MiB\" (FILE line 2); allowed: at least 256MiB, which is "
          + "64MiB for each partition: ingest.partitions is 4 (FILE line 1)"
      ])
    #expect(
      try fixture.faults("ingest: {partitions: 4}\ndedup: {maximumDisk: 255MiB}\n") == [
        "dedup.maximumDisk: found \"255MiB\" (FILE line 2); allowed: at least 256MiB, which is "
          + "64MiB for each partition: ingest.partitions is 4 (FILE line 1)"
      ])
    let least = "ingest: {partitions: 4}\ndedup: {maximumMemory: 256MiB, maximumDisk: 256MiB}\n"
    #expect(try fixture.faults(least) == [])
  }

  @Test func capacityOfTheWindow() throws {
    let capacity = try fixture.load().keyCapacity
    #expect(capacity.keys == 1_000_000_000 && capacity.boundBy == "dedup.maximumKeys")
    // 40.5 days: a run leaves with its last key.
    #expect(capacity.rates.map(\.recordsPerSecond) == [285, 11_574, 277_777])
    #expect(capacity.text == "285 for ever, 11574 for 1d, 277777 for 1h")
    let disk = try fixture.load("ingest: {partitions: 3}\ndedup: {maximumDisk: 6GiB}\n").keyCapacity
    #expect(disk.boundBy == "dedup.maximumDisk" && disk.keys == 3 * ((2 << 30) / 8 * 7 / 18))
    let memory = try fixture.load("dedup: {maximumMemory: 1GiB}\n").keyCapacity
    #expect(memory.boundBy == "dedup.maximumMemory")
    #expect(memory.keys > (768 << 20) / 3 && memory.keys < (820 << 20) / 3)
    let short = "acceptance: {back: 1h, ahead: 0s}\ndedup: {window: 1h}\n"
    #expect(try fixture.load(short).keyCapacity.rates.map(\.lasting) == ["ever"])
  }

  @Test func partitionsShareRowsAndKeys() throws {
    #expect(
      try fixture.faults("ingest: {partitions: 8}\nflush: {maximumRows: 7999}\n") == [
        "flush.maximumRows: found \"7999\" (FILE line 2); allowed: at least 8000 rows, which is "
          + "1000 for each partition: ingest.partitions is 8 (FILE line 1)"
      ])
    let loaded = try fixture.load(
      "ingest: {partitions: 8, loops: 3, maximumConnections: 10}\nflush: {maximumRows: 8000}\n"
        + "dedup: {maximumKeys: 1001}\nlimits: {receiptDetails: 20, tenants: 7}\n")
    let ledger = loaded.configuration.ledger
    #expect(ledger.maximumUnflushedRows == 1_000)
    #expect(ledger.dedup.maximumKeys == 126 && ledger.dedup.maximumMemory == 512 << 20)
    #expect(ledger.dedup.maximumDisk == 3 << 30)
    #expect(ledger.receiptDetails == 3 && ledger.maximumTenants == 7)
    #expect(loaded.configuration.ingest.connectionsPerLoop == 4)
  }

  @Test func smallerRelations() throws {
    #expect(
      try fixture.faults("limits: {operations: 1}\nweights: {a: 1, b: 2}\n") == [
        "limits.operations: found \"1\" (FILE line 1); weights names 2 operations; allowed: at "
          + "least that number"
      ])
    let loaded = try fixture.load(
      "log: {retention: 1d, diskReserve: 1MiB}\nauthentication: {keysFile: /k}\n", [],
      ["WEIGHBRIDGE_INGEST_UPD": "off", "WEIGHBRIDGE_SERVICE_HOST": "10.0.0.1"])
    #expect(
      loaded.warnings.map { fixture.shown("\($0)") } == [
        "authentication.keysFile: found \"/k\" (FILE line 2); it has no effect: "
          + "authentication.mode is none (default)",
        "log.diskReserve: found \"1MiB\" (FILE line 1); the disk may be full before the next "
          + "segment is allocated: log.segmentSize is 256MiB (default)",
        "WEIGHBRIDGE_INGEST_UPD: there is no such variable; the nearest is WEIGHBRIDGE_INGEST_UDP",
      ])
    #expect(loaded.report.contains("warning: log.diskReserve"))
  }

  @Test func keysFile() throws {
    let secret = String(repeating: "0aF1", count: 16)
    let arguments = ["--authentication-mode=required", "--authentication-keys-file=DIR/keys"]
      .map { $0.replacingOccurrences(of: "DIR", with: fixture.scratch.path) }
    func faults(_ text: String, mode: mode_t = 0o600) throws -> [String] {
      try fixture.scratch.write(text, to: "keys", mode: mode)
      return try fixture.faults(nil, arguments).map {
        $0.replacingOccurrences(of: "authentication.keysFile: found \"DIR/keys\" ", with: "")
      }
    }
    let origin = "(--authentication-keys-file)"
    #expect(
      try fixture.faults(nil, [arguments[0]]) == [
        "authentication.keysFile: found \"none\" (default); authentication.mode is required "
          + "(--authentication-mode), which needs keys; allowed: the path of a keys file"
      ])
    #expect(
      try fixture.faults(nil, arguments) == [
        "authentication.keysFile: found \"DIR/keys\" \(origin); cannot examine it: No such "
          + "file or directory"
      ])
    #expect(
      try faults("7 \(secret)", mode: 0o640) == [
        "\(origin); its mode is 0640, and others may read secrets; chmod 600 DIR/keys"
      ])
    #expect(try faults("# only this\n") == ["\(origin); it holds no key"])
    let bad = try faults(
      """
      0 \(secret)
      \(secret)
      5
      5 abc
      5 \(secret)0
      5 \(secret.dropLast(34))
      5 \(secret.dropLast())g
      7 \(secret) a b\u{E9}
      7 \(secret) \(String(repeating: "a", count: 65))
      7 \(secret) a b a
      7 \(secret) a b

      7 \(secret)
      """)
    #expect(!bad.joined().contains("0aF1"))
    let id = "the first word is not a key id from 1 to 4294967295"
    let digits = "the secret of key 5 is not 32 to 256 hexadecimal digits in pairs"
    let name = "is not 1 to 64 characters of A-Z a-z 0-9 . _ : / -"
    #expect(
      bad == [
        "(DIR/keys line 1); \(id)", "(DIR/keys line 2); \(id)", "(DIR/keys line 3); \(digits)",
        "(DIR/keys line 4); \(digits)", "(DIR/keys line 5); \(digits)",
        "(DIR/keys line 6); \(digits)", "(DIR/keys line 7); \(digits)",
        "(DIR/keys line 8); source 2 of key 7 \(name)",
        "(DIR/keys line 9); source 1 of key 7 \(name)",
        "(DIR/keys line 10); source 3 of key 7 is there twice",
        "(DIR/keys line 13); key 7 stands in line 11 already",
      ])
    #expect(try faults("\n# two\r\n4294967295 \(secret) edge-1 a/b:c_d.E\r\n3\t\(secret)\n") == [])
    let keys = try fixture.load(nil, arguments).configuration.authentication.keys
    #expect(keys.map(\.id) == [KeyID(3), KeyID(4_294_967_295)])
    #expect(keys.map(\.sources) == [[], ["edge-1", "a/b:c_d.E"]])
    #expect(keys[0].secret.prefix(2) == [0x0A, 0xF1] && keys[0].secret.count == 32)
    var dumped = ""
    dump(keys, to: &dumped)
    #expect(!(dumped + "\(keys)" + String(reflecting: keys)).contains("241"))
  }

  @Test func canonicalTextIsStableAndWithoutSecrets() throws {
    let secret = String(repeating: "0af1", count: 8)
    let keys = try fixture.scratch.write("2 \(secret) b a\n1 \(secret)\n", to: "keys")
    let arguments = ["--authentication-mode", "required", "--authentication-keys-file", keys]
    let first = try fixture.load(
      "weights: {b: 2, a: [{from: 2026-01-02, weight: 3}, {from: 2026-01-01, weight: 2}]}\n"
        + "postgres: {url: \"postgresql://u:pw@h/d?password=pw\"}", arguments)
    let second = try fixture.load(
      "postgres.url: postgresql://u:pw@h/d?password=pw\nweights:\n  a:\n"
        + "    - {weight: 2, from: 2026-01-01T00:00:00Z}\n    - {from: 2026-01-02, weight: 3}\n"
        + "  b: [{from: 1970-01-01, weight: 2}]\n", arguments)
    #expect(first.configuration == second.configuration)
    let text = first.configuration.canonicalText
    #expect(text == second.configuration.canonicalText)
    #expect(!text.contains("pw") && !text.contains(secret))
    #expect(!first.report.contains("pw") && !first.report.contains(secret))
    let lines = text.split(separator: "\n").map(String.init)
    #expect(lines[0] == "weighbridge configuration 1")
    #expect(lines.count == Setting.all.count + 3)
    #expect(lines.dropFirst().dropLast(2) == lines.dropFirst().dropLast(2).sorted()[...])
    #expect(lines.contains("postgres.url = postgresql://u:***@h/d?password=***"))
    #expect(
      lines.suffix(2) == ["authentication.key 1 = []", "authentication.key 2 = [\"b\", \"a\"]"])
    #expect(
      lines.contains(
        "weights = {\"a\": [{from: 2026-01-01T00:00:00Z, weight: 2}, "
          + "{from: 2026-01-02T00:00:00Z, weight: 3}], "
          + "\"b\": [{from: 1970-01-01T00:00:00Z, weight: 2}]}"))
  }

  @Test(arguments: [
    ("postgresql://u@h/d", "postgresql://u@h/d"),
    ("postgresql://u:@h/d", "postgresql://u:***@h/d"),
    ("postgresql://u:a:b@c@h/d", "postgresql://u:***@h/d"),
    ("postgresql://u:a/b@h/d", "postgresql://u:***@h/d"),
    (
      "postgresql://h/d?user=u&password=s&sslpassword=t",
      "postgresql://h/d?user=u&password=***&sslpassword=***"
    ),
    ("host=h password = 's t\\' u' user=x", "host=h password = *** user=x"),
    ("host=h PASSWORD=s", "host=h PASSWORD=***"),
    ("host=h password=a\\ b user=x", "host=h password=*** user=x"),
  ])
  func passwordsAreMasked(text: String, masked: String) {
    #expect(DatabaseFormat.masked(text) == masked)
  }

  @Test func reportShowsValuesAndOrigins() throws {
    let lines = try fixture.load(
      "flush:\n  interval: 90s\n", [], ["WEIGHBRIDGE_LOGGING_LEVEL": "debug"]
    )
    .report.split(separator: "\n").map { $0.split(separator: " ").joined(separator: " ") }
    #expect(lines.count == Setting.all.count)
    #expect(lines.contains("flush.interval 1m30s \(fixture.file) line 2"))
    #expect(lines.contains("logging.level debug WEIGHBRIDGE_LOGGING_LEVEL"))
    #expect(lines.contains("ingest.udp 127.0.0.1:4040 default"))
  }
}
