import SegmentLog
import Testing

/// Files that an earlier build wrote are read.
@Suite struct GoldenTests {
  let golden = GoldenLog()

  @Test func whatWasWrittenIsDecoded() throws {
    try expectGolden(
      segment: GoldenLog.file("segment-v2.wbs"), mark: GoldenLog.file("mark-v1"))
  }

  @Test func whatIsWrittenTodayIsDecoded() throws {
    let (segment, mark) = golden.encode()
    try expectGolden(segment: segment, mark: mark)
  }

  private func expectGolden(segment: [UInt8], mark markBytes: [UInt8]) throws {
    let mark = try DurabilityMark(parsing: markBytes.rawSpan)
    let header = try SegmentHeader(parsing: segment.rawSpan, segment: GoldenLog.number)
    #expect(header == GoldenLog.header)
    let reading = Reading(segment, segment: GoldenLog.number)
    #expect(reading.error == nil)
    #expect(reading.headers.map(\.kind) == [.usage, .control, .usage])
    #expect(reading.headers.map(\.entryCount) == [GoldenLog.count + 1, 1, 1])
    #expect(
      reading.headers.map(\.firstArrival)
        == [1_790_000_000_000, 1_790_000_002_000, 1_790_000_002_000])
    #expect(
      reading.headers.map(\.lastArrival)
        == [1_790_000_001_999, 1_790_000_002_000, 1_790_000_002_001])
    #expect(reading.raw == [golden.keys, [], Array(golden.keys[..<16])])
    #expect(reading.columns == [golden.usageColumns, golden.note, []])
    #expect(reading.offset == segment.count - GoldenLog.trailingZeros)
    #expect(reading.headers.last?.end == mark.end)
    try expectUsageColumns(reading.columns[0])
    let scan = SegmentScan(ofLast: segment.rawSpan, segment: GoldenLog.number, mark: mark)
    #expect(scan.decision == .intact)
    #expect(scan.end == mark.end)
  }

  private func expectUsageColumns(_ columns: [UInt8]) throws {
    var reader = ColumnReader(columns.rawSpan, segment: GoldenLog.number, block: 80)
    let count = GoldenLog.count
    var bytes: [UInt8] = []
    var words16: [UInt16] = []
    var words32: [UInt32] = []
    var words64: [UInt64] = []
    var signed: [Int64] = []
    var names: [String] = []
    try reader.read(count: count, into: &bytes)
    #expect(bytes == golden.kinds)
    try reader.read(count: count, into: &words16)
    #expect(words16 == golden.operations)
    try reader.read(count: count, into: &words32)
    #expect(words32 == golden.tenants)
    try reader.read(count: count, into: &words64)
    #expect(words64 == golden.hashes)
    try reader.read(count: count, into: &signed)
    #expect(signed == golden.quantities)
    try reader.read(deltas: count, into: &signed)
    #expect(signed == golden.times)
    let note = try reader.readBytes()
    #expect(unsafe note.withUnsafeBytes { unsafe Array($0) } == golden.note)
    try reader.read(count: golden.names.count, into: &names)
    #expect(names == golden.names)
    try reader.finish()
  }
}
