import Testing
import Wire

@testable import Client

struct AccessLogInputTests {
  private func read(
    _ text: String, source: String = "web-1", tenant: AccessLogTenant = .fixed("acme")
  ) throws -> [Result<UsageRecord, InputError>] {
    let file = try TemporaryFile(text)
    let options = AccessLogOptions(
      source: source, tenant: tenant, contextType: .project, context: "shop")
    return try readAll(AccessLogInput(file.lines(chunkBytes: 300), options: options))
  }

  private func line(
    user: String = "-", time: String = "10/Oct/2025:13:55:36 -0700",
    request: String = "GET /v1/tasks/42?x=1 HTTP/1.1", bytes: String = "2326",
    rest: String = " \"-\" \"curl/8.0\""
  ) -> String {
    "203.0.113.9 - \(user) [\(time)] \"\(request)\" 200 \(bytes)\(rest)\n"
  }

  @Test func aLineOfApacheAndOneOfNginx() throws {
    let found = try read(
      line(user: "frank", rest: " \"http://example.com/start\" \"Mozilla \\\"4.08\\\" [en]\"")
        + line(
          request: "POST /upload HTTP/2.0", bytes: "0", rest: " \"-\" \"a \\x22b\" \"10.0.0.1\""))
    let first = try #require(record(found[0]))
    #expect(first.tenant == "acme" && first.kind == .traffic && first.quantity == 2_326)
    #expect(first.operation == "GET /v1/tasks/{id}")
    #expect(first.time.milliseconds == 1_760_129_736_000)
    #expect(first.contextType == .project && first.context == "shop")
    #expect(record(found[1])?.operation == "POST /upload")
    #expect(found.count == 2)
  }

  @Test func requests() throws {
    let uuid = "0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b"
    let cases = [
      ("GET / HTTP/1.1", "GET /"), ("GET /?q=/a/b HTTP/1.0", "GET /"),
      ("GET /a#b HTTP/1.1", "GET /a"), ("GET /a/ HTTP/1.1", "GET /a/"),
      ("GET //a HTTP/1.1", "GET //a"), ("GET /v1/\(uuid)/x HTTP/3", "GET /v1/{id}/x"),
      ("GET /deadbeef1 HTTP/1.1", "GET /{id}"), ("GET /deadbe1 HTTP/1.1", "GET /deadbe1"),
      ("GET /facadeface HTTP/1.1", "GET /facadeface"), ("GET /12/34 HTTP/1.1", "GET /{id}/{id}"),
      ("GET /v2/1a HTTP/1.1", "GET /v2/1a"), ("GET /img/77.png HTTP/1.1", "GET /img/{id}.png"),
      ("GET /app.3f2a9c1b.js HTTP/1.1", "GET /app.{id}.js"),
      ("GET /c/cus_9s6XKzkNRiz8i3aT HTTP/1.1", "GET /c/{id}"),
      ("GET /01ARZ3NDEKTSV4RRFFQ69G5FAV HTTP/1.1", "GET /{id}"),
      ("GET /annual-report-2025 HTTP/1.1", "GET /annual-report-2025"),
      ("GET /a b/c HTTP/1.1", "GET /a b/c"), ("GET /only", "GET /only"),
      ("GET http://example.com/x/1?y HTTP/1.1", "GET /x/{id}"),
      ("CONNECT example.com:443 HTTP/1.1", "CONNECT {authority}"),
      ("OPTIONS * HTTP/1.1", "OPTIONS *"), ("M-SEARCH /d HTTP/1.1", "M-SEARCH /d"),
      ("GET /a\\\"b HTTP/1.1", "GET /a\\\"b"), ("-", "-"), ("", "-"), ("GET", "-"), ("GET ", "-"),
      ("\\x16\\x03\\x01", "-"), ("get /x HTTP/1.1", "-"), (" /x", "-"),
      ("GET HTTP/1.1", "GET {authority}"),
    ]
    for (request, operation) in cases {
      let found = try read(line(request: request))
      #expect(record(found[0])?.operation == operation, "\(request): \(found)")
    }
  }

  @Test func templatesAreBounded() throws {
    let deep = "/" + (0..<40).map { "s\($0)x" }.joined(separator: "/")
    let twelve = "/" + (0..<12).map { "s\($0)x" }.joined(separator: "/")
    #expect(
      record(try read(line(request: "GET \(deep) HTTP/1.1"))[0])?.operation == "GET \(twelve)/*")
    let long = String(repeating: "long-", count: 500)
    #expect(record(try read(line(request: "GET /a/\(long) HTTP/1.1"))[0])?.operation == "GET /a/*")
    #expect(record(try read(line(request: "GET /\(long) HTTP/1.1"))[0])?.operation == "GET /*")
  }

  @Test func tenants() throws {
    let byUser = try read(line(user: "frank") + line(), tenant: .remoteUser)
    #expect(record(byUser[0])?.tenant == "frank")
    #expect(fault(byUser[1])?.contains("allowed is a user, which names the tenant") == true)
    let byPath = try read(
      line(request: "GET /acme/v1/7 HTTP/1.1") + line(request: "GET / HTTP/1.1")
        + line(request: "-") + line(request: "GET /123/a HTTP/1.1"), tenant: .firstPathSegment)
    #expect(record(byPath[0])?.tenant == "acme")
    #expect(record(byPath[0])?.operation == "GET /{tenant}/v1/{id}")
    #expect(fault(byPath[1])?.contains("a path whose first segment names the tenant") == true)
    #expect(fault(byPath[2])?.contains("a path whose first segment names the tenant") == true)
    #expect(record(byPath[3])?.tenant == "123")
    #expect(record(byPath[3])?.operation == "GET /{tenant}/a")
  }

  @Test func optionsThatNoRecordMayHave() throws {
    let file = try TemporaryFile(line())
    let long = String(repeating: "x", count: 256)
    for (tenant, context) in [("", ""), (long, ""), ("a\0", ""), ("acme", long), ("acme", "\0")] {
      let options = AccessLogOptions(source: "web-1", tenant: .fixed(tenant), context: context)
      #expect(throws: InputFault.self) { _ = try AccessLogInput(file.lines(), options: options) }
    }
  }

  @Test func badLines() throws {
    let cases = [
      ("nonsense\n", "host: found \"nonsense\", allowed is text that ends with a space"),
      ("a - frank\n", "user: found \"frank\", allowed is text that ends with a space and ["),
      ("a - b [now\n", "time: found \"now\", allowed is text that ends with ], a space and a quo"),
      (line(time: "10/Okt/2025:13:55:36 -0700"), "time: found \"10/Okt/2025:13:55:36 -0700\""),
      (line(time: "31/Feb/2025:13:55:36 -0700"), "time: found"),
      (line(bytes: "12x"), "bytes: found \"12x\""),
      (line(bytes: "-5"), "bytes: found \"-5\""),
      (line(bytes: "9223372036854775808"), "bytes: found"),
      (line(rest: ""), "bytes: found \"2326\""),
      (line(rest: " \"-\""), "agent: found nothing"),
      (line(rest: " \"-\" \"curl"), "agent: found \"curl\", allowed is text that ends with a quot"),
      (line(request: "GET / HTTP/1.1\\"), "status: found"),
      (line().replacing(" 200 ", with: " 2000 "), "status: found \"2000\""),
    ]
    for (text, expected) in cases {
      let found = try read(text + line())
      #expect(found.count == 2, "\(text)")
      #expect(fault(found[0])?.hasPrefix("line 1: ") == true)
      #expect(fault(found[0])?.contains(expected) == true, "\(text): \(found)")
      #expect(record(found[1]) != nil)
    }
    #expect(record(try read(line(bytes: "-"))[0])?.quantity == 0)
  }

  @Test func aLineThatIsStillBeingWrittenIsNotTaken() throws {
    let found = try read(line() + line().dropLast())
    #expect(record(found[0]) != nil)
    #expect(
      fault(found[1]) == "line 2: line: found no line end, allowed is a line that is complete")
  }

  @Test func keysStayWithTheLog() throws {
    let lines = (0..<20).map { line(request: "GET /a/\($0 % 3) HTTP/1.1") }
    let log = lines.joined()
    let keys = try read(log).map { record($0)?.key }
    #expect(!keys.contains(nil) && Set(keys).count == 20)
    // Copied or renamed: the fixture makes a new file each time.
    #expect(try read(log).map { record($0)?.key } == keys)
    // Grown.
    let grown = try read(log + line()).map { record($0)?.key }
    #expect(Array(grown.prefix(20)) == keys && !keys.contains(grown[20]))
    // Read by another source, begun with another line, or with a line changed.
    #expect(Set(try read(log, source: "web-2").map { record($0)?.key }).isDisjoint(with: keys))
    #expect(Set(try read(line() + log).map { record($0)?.key }).isDisjoint(with: keys))
    var changed = lines
    changed[7] = line(request: "GET /a/1 HTTP/1.1", bytes: "2327")
    let other = try read(changed.joined()).map { record($0)?.key }
    #expect(zip(other, keys).map { $0 == $1 }.filter { !$0 }.count == 1)
  }

  @Test func equalLinesAtDifferentPlacesHaveDifferentKeys() throws {
    let found = try read(String(repeating: line(), count: 100))
    #expect(Set(found.map { record($0)?.key }).count == 100)
  }

  @Test func theKeyIsTheDocumentedDigest() throws {
    // sha256sum over the parts that the article names, computed apart.
    let file = "203.0.113.9 - - [10/Oct/2025:13:55:36 -0700] \"GET / HTTP/1.1\" 200 1 \"-\" \"c\"\n"
    let found = try read(file)
    guard case .raw(let bits) = record(found[0])?.key else {
      Issue.record("the key is not of 16 bytes")
      return
    }
    #expect(String(bits.byteSwapped, radix: 16) == "3fe702d656dd74b1157507801e1399a2")
  }
}
