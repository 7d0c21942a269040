import Testing
import Wire

@testable import Client

struct CSVInputTests {
  private static let header = "tenant,kind,operation,quantity,time,key"

  private func read(_ text: String) throws -> [Result<UsageRecord, InputError>] {
    let file = try TemporaryFile(text)
    return try readAll(CSVInput(file.lines(chunkBytes: 11)))
  }

  private let plain = UsageRecord(
    tenant: "acme", kind: .traffic, operation: "get", time: Timestamp(milliseconds: 5),
    quantity: 1, key: .text("k"))

  @Test func columnsInAnyOrder() throws {
    let text = """
      context,uuid,time,quantity,operation,kind,tenant,context_type
      apollo,01000000-0000-0000-0000-000000000002,1970-01-01T00:00:00.005Z,1,get,traffic,acme,\
      project
      ,,5,1,get,traffic,acme,
      """
    var first = plain
    first.key = .raw(UInt128(2) << 120 | 1)
    (first.contextType, first.context) = (.project, "apollo")
    let found = try read(text)
    #expect(record(found[0]) == first)
    #expect(fault(found[1]) == "line 3: key: found nothing, allowed is a key or a uuid")
  }

  @Test func quoting() throws {
    let text =
      Self.header + "\r\n" + "\"ac\"\"me\",traffic,\"a, b\",1,5,k\r\n\r\n"
      + "\"two\r\nlines\",traffic,\"\",1,5,k\r\n" + "\"three\n\nlines\",traffic,get,1,5,\"k\"\r\n"
      + "acme,traffic,get,1,5,k"
    let found = try read(text)
    #expect(record(found[0])?.tenant == "ac\"me")
    #expect(record(found[0])?.operation == "a, b")
    #expect(fault(found[1])?.hasPrefix("line 4: operation: found nothing") == true)
    #expect(record(found[2])?.tenant == "three\n\nlines")
    #expect(record(found[3]) == plain)
    #expect(found.count == 4)
  }

  @Test func badRows() throws {
    let cases = [
      ("acme,traffic,get,1,5", "row: found 5 fields, allowed is 6 as in the header"),
      ("acme,traffic,get,1,5,k,", "row: found 7 fields"),
      ("ac\"me,traffic,get,1,5,k", "found a quotation mark in a field without"),
      ("\"acme\"x,traffic,get,1,5,k", "found text after the closing quotation mark"),
      ("acme,Traffic,get,1,5,k", "kind: found \"Traffic\""),
      ("acme,traffic,get,1.5,5,k", "quantity: found \"1.5\""),
      ("acme,traffic,get, 1,5,k", "quantity: found \" 1\""),
      ("acme,traffic,get,-1,5,k", "quantity: found -1, allowed is at least 0"),
      ("acme,traffic,get,1,31.1.2026,k", "time: found \"31.1.2026\""),
      ("acme,traffic,get,1,5,\(String(repeating: "k", count: 256))", "key: found 256 bytes"),
      ("acme,traffic,get,1,5,\"\"", "key: found nothing"),
    ]
    for (row, expected) in cases {
      let found = try read("\(Self.header)\n\(row)\nacme,traffic,get,1,5,k\n")
      #expect(fault(found[0])?.hasPrefix("line 2: ") == true)
      #expect(fault(found[0])?.contains(expected) == true, "\(row): \(found)")
      #expect(found.count == 2 && record(found[1]) == plain)
    }
  }

  @Test func aQuoteThatIsNeverClosedNamesTheLinesThatItCosts() throws {
    let row = "acme,traffic,get,1,5,k\n"
    let text = Self.header + "\n\"acme,traffic,get,1,5,k\n" + String(repeating: row, count: 4_000)
    let found = try read(text)
    #expect(fault(found[0])?.hasPrefix("line 2: field 1: found an opening quotation mark") == true)
    #expect(fault(found[0])?.contains("lines 2 to 2851 are lost") == true)
    #expect(found.count == 1 + 4_001 - 2_850)
    #expect(found.dropFirst().allSatisfy { record($0) == plain })
  }

  @Test func badHeaders() throws {
    let cases = [
      ("", "column 1: found nothing, allowed is one of tenant"),
      ("tenant,kind,operation,quantity,time", "found neither key nor uuid"),
      ("tenant,kind,operation,quantity,key", "found no time"),
      (Self.header + ",region", "column 7: found \"region\", allowed is one of tenant, kind,"),
      (Self.header + ",Tenant", "column 7: found \"Tenant\""),
      (Self.header + ",tenant", "column 7: found tenant again"),
      ("\"" + Self.header, "found an opening quotation mark"),
    ]
    let empty = #expect(throws: InputFailure.self) { try read("") }
    #expect(
      empty?.description
        == "CSV header, line 1: input: found an empty one, allowed is a header line, then a record "
        + "a line")
    for (header, expected) in cases {
      do {
        _ = try read(header + "\nacme,traffic,get,1,5,k\n")
        Issue.record("the header was taken: \(header)")
      } catch let failure as InputFailure {
        #expect(failure.description.contains("CSV header, line 1: "))
        #expect(failure.description.contains(expected), "\(failure)")
      }
    }
  }
}
