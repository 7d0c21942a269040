import SegmentLog
import Testing

/// The article and the code agree: every hex vector is decoded, and encoded again.
@Suite struct SegmentFormatTests {
  private func vector(_ name: String) throws -> [UInt8] {
    try #require(try ArticleVectors.bytes(name))
  }

  @Test func segmentHeader() throws {
    let bytes = try vector("segment-header")
    let header = try SegmentHeader(parsing: bytes.rawSpan, segment: 1)
    #expect(
      header
        == SegmentHeader(
          installation: 0x0F0E_0D0C_0B0A_0908_0706_0504_0302_0100,
          secretFingerprint: 0x1716_1514_1312_1110, partition: 0, partitionCount: 1, number: 1,
          start: .beginning, createdAt: 1_790_000_000_000))
    var encoded: [UInt8] = []
    header.encode(into: &encoded)
    #expect(encoded == bytes)
  }

  @Test func blocksAndMark() throws {
    let usage = try vector("block-usage")
    let control = try vector("block-control")
    let reading = Reading(try vector("segment-header") + usage + control, segment: 1)
    #expect(reading.error == nil)
    #expect(reading.headers.map(\.kind) == [.usage, .control])
    #expect(reading.headers.map(\.entryCount) == [2, 1])
    #expect(reading.headers.map(\.firstArrival) == [1_790_000_000_001, 1_790_000_000_003])
    #expect(reading.headers.map(\.lastArrival) == [1_790_000_000_002, 1_790_000_000_003])
    #expect(reading.raw == [[UInt8](0xA0...0xAF), []])
    #expect(reading.columns == [[], [1, 0, 7]])
    let markBytes = try vector("mark")
    let mark = try DurabilityMark(parsing: markBytes.rawSpan)
    #expect(mark.end == reading.headers.last?.end)
    #expect(mark.end.position == LogPosition(3))

    // Without columns nothing depends on the version of zstd.
    var encoded: [UInt8] = []
    var sealer = BlockSealer(continuing: .beginning)
    _ = sealer.seal(
      .usage, entries: 2, arrivals: 1_790_000_000_001...1_790_000_000_002,
      raw: [UInt8](0xA0...0xAF), into: &encoded)
    #expect(encoded == usage)
    encoded = []
    mark.encode(into: &encoded)
    #expect(encoded == markBytes)
  }

  @Test func columns() throws {
    var encoded: [[UInt8]] = []
    func write(_ append: (inout ColumnWriter) -> Void) {
      var writer = ColumnWriter()
      append(&writer)
      encoded.append(writer.bytes)
    }
    write { $0.append([UInt8](repeating: 7, count: 4).span) }
    write { $0.append(([257, 258, 259] as [UInt16]).span) }
    write { $0.append(([1, 70_000] as [UInt32]).span) }
    write { $0.append(([0, .max] as [UInt64]).span) }
    write { $0.append(([1, -1, 300] as [Int64]).span) }
    write {
      $0.append(
        deltas: ([1_790_000_000_000, 1_790_000_000_002, 1_790_000_000_001] as [Int64]).span)
    }
    write { $0.append(bytes: ([0xDE, 0xAD] as [UInt8]).rawSpan) }
    write { $0.append(texts: ["", "é", "GB"]) }
    for (index, column) in encoded.enumerated() {
      let expected = try vector("column-\(index + 1)")
      #expect(column == expected)
    }
    #expect(encoded.count == 8)
    #expect(try ArticleVectors.bytes("column-9") == nil)
  }
}
