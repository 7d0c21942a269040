import SeededRandom
import Testing
import Wire

@testable import Client

struct NDJSONInputTests {
  private static let full = """
    {"tenant":"acme","kind":"storage","operation":"attachment_upload","quantity":-12,\
    "time":"2026-01-31T23:59:59.999Z","key":"k-1","context":{"type":"project","name":"apollo"}}
    """

  private func read(_ text: String) throws -> [Result<UsageRecord, InputError>] {
    let file = try TemporaryFile(text)
    return try readAll(NDJSONInput(file.lines()))
  }

  private func line(
    tenant: String = "\"acme\"", kind: String = "\"traffic\"", operation: String = "\"get\"",
    quantity: String = "1", time: String = "0", key: String = "\"key\":\"k\"", more: String = ""
  ) -> String {
    "{\"tenant\":\(tenant),\"kind\":\(kind),\"operation\":\(operation),\"quantity\":\(quantity),"
      + "\"time\":\(time),\(key)\(more)}"
  }

  @Test func allMembers() throws {
    let expected = UsageRecord(
      tenant: "acme", kind: .storage, operation: "attachment_upload", contextType: .project,
      context: "apollo", time: Timestamp(milliseconds: 1_769_903_999_999), quantity: -12,
      key: .text("k-1"))
    #expect(try read(Self.full).map(record) == [expected])
  }

  @Test func goodLines() throws {
    let plain = UsageRecord(
      tenant: "acme", kind: .traffic, operation: "get", time: Timestamp(milliseconds: 0),
      quantity: 1, key: .text("k"))
    func with(_ change: (inout UsageRecord) -> Void) -> UsageRecord {
      var record = plain
      change(&record)
      return record
    }
    let cases: [(String, UsageRecord)] = [
      (line(), plain),
      (" \t" + line().replacing(":", with: " : ").replacing(",", with: " , ") + " \t", plain),
      (line(quantity: "9223372036854775807"), with { $0.quantity = .max }),
      (line(quantity: "9007199254740993"), with { $0.quantity = 9_007_199_254_740_993 }),
      (
        line(kind: "\"storage\"", quantity: "-9223372036854775807"),
        with { ($0.kind, $0.quantity) = (.storage, -.max) }
      ),
      (line(quantity: "-0"), with { $0.quantity = 0 }),
      (line(time: "253402300799999"), with { $0.time = .latest }),
      (line(time: "\"1970-01-01T01:00:00+01:00\""), plain),
      (
        line(key: "\"uuid\":\"01000000000000000000000000000002\""),
        with { $0.key = .raw(UInt128(2) << 120 | 1) }
      ),
      (
        line(tenant: "\"\\u00fc\\ud83d\\ude00\\\"\\\\\\/\\b\\f\\n\\r\\t\""),
        with { $0.tenant = "ü😀\"\\/\u{8}\u{c}\n\r\t" }
      ),
      (line(tenant: "\"Zürich 東京 😀\""), with { $0.tenant = "Zürich 東京 😀" }),
      (
        line(operation: "\"" + String(repeating: "ü", count: 127) + "x\""),
        with { $0.operation = String(repeating: "ü", count: 127) + "x" }
      ),
      (line(more: ",\"context\":{}"), plain),
      (line(more: ",\"context\":{\"type\":\"admin\"}"), with { $0.contextType = .admin }),
      (
        line(more: ",\"context\":{\"name\":\"\",\"type\":\"workspace\"}"),
        with { $0.contextType = .workspace }
      ),
    ]
    for (text, expected) in cases {
      #expect(try read(text).map(record) == [expected], "\(text)")
    }
  }

  @Test func badLines() throws {
    let long = String(repeating: "a", count: 256)
    let cases: [(String, String)] = [
      ("[]", "JSON, byte 1: found \"[]\", allowed is an object"),
      ("{", "JSON, byte 2: found nothing, allowed is the name of a member"),
      ("{}", "quantity: found nothing"),
      (line() + "x", "found \"x\", allowed is the end of the line"),
      (line() + line(), "allowed is the end of the line"),
      (line(more: ","), "allowed is the name of a member"),
      (line(more: " \"region\":1"), "allowed is a comma or }"),
      (line(more: ",\"region\":\"eu\""), "member: found \"region\", allowed is tenant, kind,"),
      (line(more: ",\"Tenant\":\"eu\""), "member: found \"Tenant\""),
      (line(more: ",\"tenant\":\"b\""), "member: found \"tenant\", allowed is each member once"),
      (line(more: ",\"uuid\":\"\(String(repeating: "0", count: 32))\""), "found both key and uuid"),
      (line(more: ",\"context\":{\"region\":1}"), "member of context: found \"region\""),
      (line(more: ",\"context\":{\"type\":\"admin\",\"type\":\"admin\"}"), "each member once"),
      (line(more: ",\"context\":null"), "allowed is an object with type and name"),
      (line(more: ",\"context\":{\"type\":\"team\"}"), "allowed is project, workspace, admin"),
      (line(quantity: "1.5"), "quantity: found \"1.5\", allowed is a whole number"),
      (line(quantity: "1.0"), "quantity: found \"1.0\""),
      (line(quantity: "1e3"), "quantity: found \"1e3\""),
      (line(quantity: "\"1\""), "quantity: found \"\"1\"\""),
      (line(quantity: "null"), "quantity: found \"null\""),
      (line(quantity: "true"), "quantity: found \"true\""),
      (line(quantity: "01"), "quantity: found \"01\""),
      (line(quantity: "9223372036854775808"), "quantity: found \"9223372036854775808\""),
      (line(quantity: "-1"), "quantity: found -1, allowed is at least 0 for traffic"),
      (
        line(kind: "\"storage\"", quantity: "-9223372036854775808"),
        "quantity: found \"-9223372036854775808\""
      ),
      (line(tenant: "\"\""), "tenant: found nothing, allowed is UTF-8 text of 1 to 255"),
      (line(tenant: "\"\(long)\""), "tenant: found 256 bytes"),
      (line(tenant: "\"a\\u0000b\""), "tenant: found \"a\\x00b\""),
      (line(tenant: "7"), "tenant: found \"7\", allowed is text in quotation marks"),
      (line(tenant: "null"), "tenant: found \"null\""),
      (line(tenant: "\"\\ud83d\""), "surrogates only in pairs"),
      (line(tenant: "\"\\ude00\\ud83d\""), "surrogates only in pairs"),
      (line(tenant: "\"\\u12\""), "surrogates only in pairs"),
      (line(tenant: "\"\\x41\""), "one of the escapes"),
      (line(tenant: "\"a\tb\""), "for a control character"),
      ("{\"tenant\":\"acme", "the quotation mark that ends tenant"),
      (line(kind: "\"Traffic\""), "kind: found \"Traffic\", allowed is traffic, compute or"),
      (line(operation: "\"\""), "operation: found nothing"),
      (line(time: "\"2026-02-29T00:00:00Z\""), "time: found \"2026-02-29T00:00:00Z\""),
      (line(time: "-1"), "time: found \"-1\""),
      (line(time: "1.5"), "time: found \"1.5\""),
      (line(time: "\"1769903999\""), "time: found"),
      (line(key: "\"key\":\"\""), "key: found nothing"),
      (line(key: "\"key\":\"\(long)\""), "key: found 256 bytes"),
      (line(key: "\"uuid\":\"12\""), "uuid: found \"12\", allowed is 32 hexadecimal"),
      (line(key: "\"context\":{}"), "key: found nothing, allowed is a key or a uuid"),
    ]
    for (text, expected) in cases {
      let found = try read(text).map(fault)
      #expect(found.count == 1 && found[0]?.contains(expected) == true, "\(text): \(found)")
    }
  }

  @Test func textThatIsNotUTF8() throws {
    for bytes in [[0xFF], [0xC0, 0x80], [0xED, 0xA0, 0x80], [0xE2, 0x82]] as [[UInt8]] {
      var line = Array(self.line(tenant: "\"@\"").utf8)
      line.replace([UInt8(ascii: "@")], with: bytes)
      let file = try TemporaryFile(line)
      let found = try readAll(NDJSONInput(file.lines()))
      #expect(found.count == 1 && fault(found[0])?.contains("allowed is UTF-8 text") == true)
    }
  }

  @Test func aBadLineStopsNothing() throws {
    let long = "{\"tenant\":\"" + String(repeating: "x", count: 70_000) + "\"}"
    let text = [line(), "", "nonsense", line(), long, "  ", line() + "\r", line()]
      .joined(separator: "\n")
    let found = try read(text)
    #expect(found.map { record($0) != nil } == [true, false, true, false, true, true])
    #expect(fault(found[1])?.hasPrefix("line 3: ") == true)
    #expect(fault(found[3])?.hasPrefix("line 5: line: found more than 65536 bytes") == true)
  }

  @Test func everyTruncationAndEveryChangedByteIsARecordOrAFault() throws {
    let bytes = Array(Self.full.utf8)
    for length in 0..<bytes.count {
      #expect((try? NDJSONInput.record(bytes.span.extracting(0..<length))) ?? nil == nil)
    }
    var random = SplitMix64(seed: 4)
    for _ in 0..<20_000 {
      var changed = bytes
      for _ in 0..<Int.random(in: 1...4, using: &random) {
        changed[Int.random(in: 0..<changed.count, using: &random)] =
          Bool.random(using: &random)
          ? UInt8.random(in: 0...255, using: &random)
          : Array("{}[]\",:\\-.e0u".utf8).randomElement(using: &random) ?? 0
      }
      if let record = try? NDJSONInput.record(changed.span) { #expect(record.fault == nil) }
    }
  }
}
