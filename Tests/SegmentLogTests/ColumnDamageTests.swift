import SeededRandom
import SegmentLog
import Testing

/// Columns that are cut off, changed or hostile end in an error that says where.
@Suite struct ColumnDamageTests {
  private static let count = 3

  /// One column of every codec, three values each.
  private static func sample() -> [UInt8] {
    var writer = ColumnWriter()
    writer.append([UInt8](1...3).span)
    writer.append([1, 256, 3].span as Span<UInt16>)
    writer.append([1, 70_000, 3].span as Span<UInt32>)
    writer.append([1, .max, 3].span as Span<UInt64>)
    writer.append([1, -1, 300].span as Span<Int64>)
    writer.append(deltas: [1_000, 1_002, 1_001].span)
    writer.append(bytes: [UInt8](5...9).rawSpan)
    writer.append(texts: ["a", "", "bcd"])
    return writer.bytes
  }

  /// Reads what ``sample()`` wrote, and nothing more.
  private static func read(_ bytes: [UInt8]) throws(SegmentError) {
    var reader = ColumnReader(bytes.rawSpan, segment: 9, block: 80)
    var values8: [UInt8] = []
    var values16: [UInt16] = []
    var values32: [UInt32] = []
    var values64: [UInt64] = []
    var signed: [Int64] = []
    var texts: [String] = []
    try reader.read(count: count, into: &values8)
    try reader.read(count: count, into: &values16)
    try reader.read(count: count, into: &values32)
    try reader.read(count: count, into: &values64)
    try reader.read(count: count, into: &signed)
    try reader.read(deltas: count, into: &signed)
    _ = try reader.readBytes()
    try reader.read(count: count, into: &texts)
    try reader.finish()
    let lengths = [values8.count, values16.count, values32.count, values64.count]
    #expect(lengths == [count, count, count, count])
    #expect(signed.count == count)
    #expect(texts.count == count)
  }

  @Test func everyPrefixIsTruncated() throws {
    let bytes = Self.sample()
    try Self.read(bytes)
    for length in 0..<bytes.count {
      let error = #expect(throws: SegmentError.self) { try Self.read(Array(bytes[..<length])) }
      #expect(error?.fault == .truncated)
      #expect(error?.segment == 9)
      #expect(error?.offset == 80)
      #expect((error?.column ?? .max) <= length)
    }
  }

  @Test func trailingByteIsFound() {
    let bytes = Self.sample()
    #expect(
      throws: SegmentError(
        .columnTail, segment: 9, offset: 80, column: bytes.count, expected: UInt64(bytes.count),
        found: UInt64(bytes.count + 1))
    ) { try Self.read(bytes + [0]) }
  }

  @Test func everyFlippedBitIsReadOrRefused() {
    let bytes = Self.sample()
    var refused = 0
    for bit in 0..<(bytes.count * 8) {
      var damaged = bytes
      damaged[bit / 8] ^= 1 << (bit % 8)
      do { try Self.read(damaged) } catch { refused += 1 }
    }
    // At least the eight type bytes.
    #expect(refused >= 64)
  }

  @Test func randomBytesAreReadOrRefused() {
    var generator = SplitMix64(seed: 7)
    let sample = Self.sample()
    for _ in 0..<20_000 {
      var bytes = sample
      for _ in 0..<Int.random(in: 1...6, using: &generator) {
        let index = Int.random(in: 0..<bytes.count, using: &generator)
        bytes[index] = UInt8(truncatingIfNeeded: generator.next())
      }
      _ = try? Self.read(bytes)
    }
  }

  @Test(
    arguments: [
      ([2, 0, 0], .columnType), ([1, 2, 0], .columnPlanes), ([1, 0x80, 0], .columnPlanes),
      ([1, 1, 0, 0], .truncated), ([1], .truncated), ([], .truncated),
    ] as [([UInt8], SegmentError.Fault)])
  func damagedPlanesAreNamed(bytes: [UInt8], fault: SegmentError.Fault) {
    let error = #expect(throws: SegmentError.self) { try Self.readBytePlane(bytes, count: 3) }
    #expect(error?.fault == fault)
  }

  @Test(arguments: [-1, BlockLimits.maximumEntryCount + 1, .max, .min])
  func countPastTheLimitIsRefused(count: Int) {
    let error = #expect(throws: SegmentError.self) {
      try Self.readBytePlane([1, 0, 7], count: count)
    }
    #expect(error?.fault == .entryCount)
  }

  @Test func hugeLengthsAreRefused() {
    // Two texts of 2³² − 1 bytes each; bytes of that length.
    let texts: [UInt8] = [8, 0, 0xFF, 0xFF, 0xFF, 0xFF, 1, 2, 3]
    let content: [UInt8] = [7, 0xFF, 0xFF, 0xFF, 0xFF, 1]
    let textError = #expect(throws: SegmentError.self) { try Self.readTexts(texts, count: 2) }
    #expect(textError?.fault == .truncated)
    #expect(textError?.expected == 2 * UInt64(UInt32.max))
    let contentError = #expect(throws: SegmentError.self) { try Self.readContent(content) }
    #expect(contentError?.fault == .truncated)
    #expect(contentError?.expected == UInt64(UInt32.max))
  }

  @Test func textThatIsNotUTF8IsRefused() {
    let bytes: [UInt8] = [8, 0, 2, 0, 0, 0, 0xC3, 0x28]
    let error = #expect(throws: SegmentError.self) { try Self.readTexts(bytes, count: 1) }
    #expect(error?.fault == .text)
  }

  private static func readBytePlane(_ bytes: [UInt8], count: Int) throws(SegmentError) {
    var reader = ColumnReader(bytes.rawSpan, segment: 1, block: 0)
    var values: [UInt8] = []
    try reader.read(count: count, into: &values)
  }

  private static func readTexts(_ bytes: [UInt8], count: Int) throws(SegmentError) {
    var reader = ColumnReader(bytes.rawSpan, segment: 1, block: 0)
    var values: [String] = []
    try reader.read(count: count, into: &values)
  }

  private static func readContent(_ bytes: [UInt8]) throws(SegmentError) {
    var reader = ColumnReader(bytes.rawSpan, segment: 1, block: 0)
    _ = try reader.readBytes()
  }
}
