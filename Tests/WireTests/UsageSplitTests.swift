import SeededRandom
import Testing

@testable import Wire

/// A group that is divided holds the same records afterwards, each in the part of its tenant.
@Suite struct UsageSplitTests {
  /// Everything that the columns say of a record.
  private struct Record: Equatable {
    var tenant: [UInt8]
    var operation: [UInt8]
    var context: [UInt8]
    var keys: [NameKey?]
    var time: Int64
    var quantity: Int64
    var kind: UInt8
    var fault: UInt8
    var form: UInt8
    var key: [UInt8]

    init(_ columns: borrowing UsageColumns, _ record: Int) {
      func bytes(_ span: RawSpan) -> [UInt8] { unsafe span.withUnsafeBytes { unsafe [UInt8]($0) } }
      let (tenant, operation) = (Int(columns.tenant[record]), Int(columns.operation[record]))
      let context = Int(columns.context[record])
      self.tenant = bytes(columns.tenants.name(tenant))
      self.operation = bytes(columns.operations.name(operation))
      self.context = bytes(columns.contexts.typedName(context))
      keys = [
        columns.tenants.keys[tenant], columns.operations.keys[operation],
        columns.contexts.keys[context],
      ]
      time = columns.time[record]
      quantity = columns.quantity[record]
      kind = columns.kind[record]
      fault = columns.fault[record]
      form = columns.keyForm[record]
      key = bytes(columns.key(record))
    }
  }

  private static func frame(_ sequence: UInt64, _ random: inout SplitMix64) throws -> [UInt8] {
    var encoder = try FrameEncoder(
      source: SourceIdentity(name: "agent-\(sequence % 3)", epoch: 4), keyID: .none,
      maximumLength: 60_000)
    for _ in 0...Int.random(in: 0...40, using: &random) {
      let number = Int.random(in: 0..<1_000, using: &random)
      let text = String(repeating: "k", count: 1 + number % 61)
      let record = UsageRecord(
        tenant: "tenant-\(number % 11)" + String(repeating: "x", count: number % 19),
        kind: UsageKind.allCases[number % 3], operation: "operation-\(number % 7)",
        contextType: ContextType.allCases[number % 4],
        context: number % 5 == 0 ? "" : "context \(number % 13)",
        time: Timestamp(milliseconds: 1_700_000_000_000 + Int64(number)), quantity: Int64(number),
        key: number % 2 == 0 ? .raw(UInt128(number)) : .text(text))
      #expect(encoder.append(record) == .appended)
    }
    var bytes: [UInt8] = []
    encoder.finish(sequence: sequence, highestSequence: sequence + 2, to: &bytes) { _ in 0 }
    return bytes
  }

  @Test(arguments: [1, 2, 7])
  func everyRecordIsInThePartOfItsTenant(parts: Int) throws {
    var random = SplitMix64(seed: UInt64(parts))
    var group = UsageColumns()
    var split = UsageSplit(parts: parts)
    var part = UsageColumns()
    // Capacities and leftovers of one group meet the next.
    for round in 0..<20 as Range<UInt64> {
      group.removeAll()
      for number in 1...UInt64.random(in: 1...6, using: &random) {
        let bytes = try Self.frame(10 * round + number, &random)
        let header = try FrameHeader(parsing: bytes.raw, limits: .standard)
        try group.append(frame: bytes.raw, header: header)
      }
      // One whose record is of a tenant that cannot be read, and one with a name that is no text.
      let unreadable = RawFrame(body: [1, 0x74, 1, 0x6F] + RawRecord(tenant: 9).bytes).bytes
      let broken = RawFrame(body: [1, 0xFF, 1, 0x6F] + RawRecord().bytes).bytes
      for bytes in [unreadable, broken] {
        let header = try FrameHeader(parsing: bytes.raw, limits: .standard)
        try group.append(frame: bytes.raw, header: header)
      }
      func place(_ tenant: RawSpan) -> Int {
        (0..<tenant.byteCount).reduce(3) { $0 + Int(tenant.integer(at: $1) as UInt8) } % parts
      }
      split.divide(group) { place($0) }
      var found = [Int](repeating: 0, count: group.count)
      for number in 0..<parts {
        split.fill(number, of: group, into: &part)
        try compare(part, of: group, number, place, &found)
      }
      #expect(found.allSatisfy { $0 == 1 })
    }
  }

  private func compare(
    _ part: borrowing UsageColumns, of group: borrowing UsageColumns, _ number: Int,
    _ place: (RawSpan) -> Int, _ found: inout [Int]
  ) throws {
    try #require(part.frames.count == group.frames.count)
    for frame in 0..<group.frames.count {
      var header = group.frames[frame].header
      let records = part.frames[frame].records
      header.recordCount = records.count
      #expect(part.frames[frame].header == header)
      let isSame = part.sourceName(ofFrame: frame).isEqual(to: group.sourceName(ofFrame: frame))
      #expect(isSame)
      var last = -1
      for record in records {
        let index = part.numberInBatch(record, ofFrame: frame)
        #expect(index > last)
        last = index
        let original = group.frames[frame].records.lowerBound + index
        #expect(group.numberInBatch(original, ofFrame: frame) == index)
        #expect(Record(part, record) == Record(group, original))
        let owner = place(group.tenants.name(Int(group.tenant[original])))
        #expect(owner == number)
        found[original] += 1
      }
    }
  }

  /// A part knows the names of its own records only: others would use up its limits.
  @Test func namesOfOthersStayAway() throws {
    var encoder = try FrameEncoder(
      source: SourceIdentity(name: "agent", epoch: 1), keyID: .none)
    for name in ["a", "b"] {
      let record = UsageRecord(
        tenant: name, kind: .compute, operation: "of \(name)", contextType: .project,
        context: "in \(name)", time: Timestamp(milliseconds: 1_700_000_000_000), quantity: 1,
        key: .text(name))
      #expect(encoder.append(record) == .appended)
    }
    var bytes: [UInt8] = []
    encoder.finish(sequence: 1, highestSequence: 1, to: &bytes) { _ in 0 }
    var group = UsageColumns()
    try group.append(
      frame: bytes.raw, header: FrameHeader(parsing: bytes.raw, limits: .standard))
    var split = UsageSplit(parts: 3)
    split.divide(group) { $0.byteCount == 0 ? 0 : Int($0.integer(at: 0) as UInt8) - 0x61 }
    var part = UsageColumns()
    for (number, count) in [(0, 2), (1, 2), (2, 1)] {
      split.fill(number, of: group, into: &part)
      let counts = [part.tenants.count, part.operations.count, part.contexts.count]
      #expect(counts == [count, count, count])
    }
  }
}

extension RawSpan {
  fileprivate func isEqual(to other: RawSpan) -> Bool {
    byteCount == other.byteCount
      && (0..<byteCount).allSatisfy { (integer(at: $0) as UInt8) == other.integer(at: $0) }
  }
}
