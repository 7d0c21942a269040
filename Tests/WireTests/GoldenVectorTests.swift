import Foundation
import Testing
import Wire

/// The vectors in the article are the format: their bytes were computed outside this project.
struct GoldenVectorTests {
  let article: String
  let source = SourceIdentity(name: "agent-1", epoch: 1_700_000_000_001)
  let base = Timestamp(milliseconds: 1_700_000_000_000)
  let installation = InstallationID(bits: 0xAFAE_ADAC_ABAA_A9A8_A7A6_A5A4_A3A2_A1A0)

  init() throws {
    let folder = URL(filePath: #filePath).deletingLastPathComponent()
    article = try String(
      contentsOf: folder.appending(path: "../../Sources/Wire/Wire.docc/WireFormat.md"),
      encoding: .utf8)
  }

  func vector(_ name: String) throws -> [UInt8] {
    let section = try #require(article.components(separatedBy: "### Vector: \(name)\n").last)
    let parts = section.components(separatedBy: "```")
    let digits = try #require(parts.count > 2 ? parts[1] : nil).filter { !$0.isWhitespace }
    return try #require([UInt8](hexadecimal: digits))
  }

  /// The tag at the end of a vector, checked against the one that Python's `hmac` gave.
  func tag(of frame: [UInt8], is expected: String) throws -> UInt128 {
    let bytes = Array(frame.suffix(16))
    #expect(bytes == [UInt8](hexadecimal: expected))
    return bytes.reversed().reduce(0) { $0 << 8 | UInt128($1) }
  }

  func vectorRecords() -> [UsageRecord] {
    [
      UsageRecord(
        tenant: "acme", kind: .traffic, operation: "GET /v1/tasks", contextType: .project,
        context: "apollo", time: base, quantity: 1_500, key: .text("req-0001")),
      UsageRecord(
        tenant: "acme", kind: .storage, operation: "attachment_upload",
        time: Timestamp(milliseconds: base.milliseconds - 250), quantity: -4_096,
        key: .raw(0x1F1E_1D1C_1B1A_1918_1716_1514_1312_1110)),
      UsageRecord(
        tenant: "größe", kind: .compute, operation: "task_create", contextType: .admin,
        time: Timestamp(milliseconds: base.milliseconds + 1_000), quantity: 1,
        key: .raw(0x2F2E_2D2C_2B2A_2928_2726_2524_2322_2120)),
    ]
  }

  @Test func usageDecodes() throws {
    var columns = UsageColumns()
    try append(try vector("usage"), to: &columns)
    let header = columns.frames[0].header
    #expect(header.keyID == KeyID(7) && header.epoch == source.epoch)
    #expect(header.sequence == 3 && header.highestSequence == 4 && header.baseTime == base)
    #expect(text(columns.sourceName(ofFrame: 0)) == source.name)
    #expect(records(in: columns) == vectorRecords())
    for index in 0..<3 { #expect(columns.fault[index] == 0) }
  }

  @Test func usageEncodes() throws {
    let frame = try vector("usage")
    let tag = try tag(of: frame, is: "6a62c69a9576c0c35d6752946119330b")
    var encoder = try FrameEncoder(source: source, keyID: KeyID(7))
    for record in vectorRecords() { #expect(encoder.append(record) == .appended) }
    var output: [UInt8] = []
    encoder.finish(sequence: 3, highestSequence: 4, to: &output) { signed in
      #expect(array(signed) == frame.dropLast(16))
      return tag
    }
    #expect(output == frame)
  }

  @Test func unauthenticatedUsage() throws {
    let frame = try vector("usage-unauthenticated")
    let record = UsageRecord(
      tenant: "t", kind: .compute, operation: "o", time: Timestamp(milliseconds: 0),
      quantity: .max, key: .raw(0))
    var columns = UsageColumns()
    try append(frame, to: &columns)
    #expect(records(in: columns) == [record])
    var encoder = try FrameEncoder(
      source: SourceIdentity(name: "a", epoch: 1), keyID: .none)
    #expect(encoder.append(record) == .appended)
    var output: [UInt8] = []
    encoder.finish(sequence: 1, highestSequence: 1, to: &output) { _ in
      Issue.record("a frame without a key has no tag")
      return 1
    }
    #expect(output == frame)
  }

  @Test func heartbeat() throws {
    let frame = try vector("heartbeat")
    let tag = try tag(of: frame, is: "e8edac29391bfc209201980e8fc70919")
    let header = try FrameHeader(parsing: frame.raw, limits: .standard)
    #expect(header.type == .heartbeat && header.sequence == 0 && header.highestSequence == 4)
    #expect(header.tag(in: frame.raw) == tag)
    var output: [UInt8] = []
    try FrameEncoder(source: source, keyID: KeyID(7)).appendHeartbeat(
      highestSequence: 4, time: Timestamp(milliseconds: base.milliseconds + 5_000), to: &output
    ) { _ in tag }
    #expect(output == frame)
  }

  @Test func ack() throws {
    let frame = try vector("ack")
    let tag = try tag(of: frame, is: "13d007c82d9a3f098741684a198e45b4")
    let header = try FrameHeader(parsing: frame.raw, limits: .standard)
    let ack = try Ack(parsing: frame.raw, header: header)
    #expect(ack.source == source && ack.installation == installation)
    let receipt = AckReceipt(counts: VerdictCounts(accepted: 1, duplicate: 1, rejected: 1))
    #expect(ack.receipt == receipt)
    #expect(
      ack.exceptions == [
        Ack.Run(records: 1..<2, code: .duplicate),
        Ack.Run(records: 2..<3, code: AckCode(rejected: .timeAhead)),
      ])
    let missing: [ClosedRange<UInt64>] = [1...1, 301...302]
    #expect(ack.missing == missing)

    var output: [UInt8] = []
    let codes = [AckCode.accepted, .duplicate, AckCode(rejected: .timeAhead)].map(\.rawValue)
    let exceptions = AckExceptions(codes: codes.span).bytes
    AnswerEncoder(installation: installation).appendAck(
      ack.header, source: Array(source.name.utf8).raw, receipt: receipt,
      exceptions: exceptions.span, missing: missing.span, limit: 192, to: &output
    ) { _ in tag }
    #expect(output == frame)
  }

  private static let refusals: [(String, tag: String, RefusalReason, retryAfter: UInt32)] = [
    ("refusal", "9ef9a626428a3f142e468910cf124160", .draining, 1_500),
    ("refusal-for-good", "f83d0b11035f2ef6583b6bd192fbe5b6", .sourceNotAllowed, 0),
  ]

  @Test(arguments: refusals)
  func refusalVector(
    name: String, tagText: String, reason: RefusalReason, retryAfter: UInt32
  ) throws {
    let frame = try vector(name)
    let tag = try tag(of: frame, is: tagText)
    let header = try FrameHeader(parsing: frame.raw, limits: .standard)
    let refusal = try Refusal(parsing: frame.raw, header: header)
    #expect(refusal.source == source && refusal.installation == installation)
    #expect(refusal.reason == reason && refusal.isRetryable == (retryAfter > 0))
    #expect(refusal.retryAfter == retryAfter)
    var output: [UInt8] = []
    AnswerEncoder(installation: installation).appendRefusal(
      refusal.header, source: Array(source.name.utf8).raw, reason: reason,
      retryAfter: retryAfter, to: &output
    ) { _ in tag }
    #expect(output == frame)
  }

  @Test(arguments: [
    "usage", "usage-unauthenticated", "heartbeat", "ack", "refusal", "refusal-for-good",
  ])
  func fuzzerBeginsWithTheVectors(name: String) throws {
    let folder = URL(filePath: #filePath).deletingLastPathComponent()
    let seed = try Data(contentsOf: folder.appending(path: "../Fuzz/Corpus/wire/\(name)"))
    #expect(try Array(seed) == vector(name))
  }

  @Test func articleNamesEveryErrorAndReason() {
    let rows = article.components(separatedBy: "\n").filter { $0.hasPrefix("| `") }
    let names = rows.compactMap { $0.split(separator: "`").dropFirst().first.map(String.init) }
    #expect(names == WireError.names)
    for reason in RejectionReason.allCases {
      #expect(article.contains("`\(reason.name)`"), "\(reason)")
    }
    for reason in RefusalReason.allCases {
      #expect(article.contains("| \(reason.rawValue) | `\(reason.name)` |"), "\(reason)")
    }
  }
}
