import SeededRandom
import SegmentLog
import Testing

/// Every codec of a column: what is written is read.
@Suite struct ColumnTests {
  /// Values at the borders of every plane, of both signs.
  private static let extremes: [Int64] = {
    var values: [Int64] = [.min, .min + 1, -1, 0, 1, .max - 1, .max]
    for bit in stride(from: 7, to: 63, by: 8) {
      let border = Int64(1) << bit
      values += [border - 1, border, -border]
    }
    return values
  }()

  @Test func shortColumnsOfExtremesRoundTrip() throws {
    try expectRoundTrip([])
    for first in Self.extremes {
      try expectRoundTrip([first])
      for second in Self.extremes {
        try expectRoundTrip([first, second])
        try expectRoundTrip([first, second, first])
      }
    }
  }

  @Test(arguments: 0..<64)
  func randomColumnsRoundTrip(seed: UInt64) throws {
    var generator = SplitMix64(seed: seed)
    let count = Int.random(in: 0...5_000, using: &generator)
    // Bits outside the mask stay as in the base, so that every pattern of planes comes up.
    let mask = generator.next() & generator.next() & Self.planeMask(generator.next())
    let base = generator.next() % 3 == 0 ? 0 : generator.next()
    let values = (0..<count).map { _ in
      Int64(bitPattern: base & ~mask | generator.next() & mask)
    }
    try expectRoundTrip(values)
  }

  @Test func longestColumnRoundTrips() throws {
    var values = [Int64](repeating: -5, count: BlockLimits.maximumEntryCount)
    values[BlockLimits.maximumEntryCount - 1] = .max
    try expectRoundTrip(values)
  }

  @Test func constantColumnsAreShort() {
    var writer = ColumnWriter()
    writer.append([UInt32](repeating: 0x01020304, count: 100_000).span)
    #expect(writer.bytes == [3, 0, 4, 3, 2, 1])
    writer.removeAll()
    #expect(writer.bytes.isEmpty)
    writer.append(deltas: [Int64](repeating: .min, count: 100_000).span)
    #expect(writer.bytes.count == 18)
  }

  @Test func bytesAndTextsRoundTrip() throws {
    let texts = ["", "a", "GET /v1/tasks", "é", "日本", "", String(repeating: "x", count: 70_000)]
    for count in 0...texts.count {
      var writer = ColumnWriter()
      writer.append(bytes: [1, 2, 3].rawSpan)
      writer.append(texts: Array(texts[..<count]))
      writer.append(bytes: [UInt8]().rawSpan)
      let bytes = writer.bytes
      var reader = ColumnReader(bytes.rawSpan, segment: 1, block: 2)
      let first = try reader.readBytes()
      #expect(unsafe first.withUnsafeBytes { unsafe Array($0) } == [1, 2, 3])
      var found = ["old"]
      try reader.read(count: count, into: &found)
      #expect(found == Array(texts[..<count]))
      let last = try reader.readBytes()
      let lastCount = last.byteCount
      #expect(lastCount == 0)
      try reader.finish()
    }
  }

  private static func planeMask(_ choice: UInt64) -> UInt64 {
    var mask: UInt64 = 0
    for plane in 0..<8 where choice >> plane & 1 == 1 { mask |= 0xFF << (8 * plane) }
    return mask
  }

  /// Writes the values through every numeric codec, and reads them back in the same order.
  private func expectRoundTrip(_ values: [Int64]) throws {
    let bits8 = values.map { UInt8(truncatingIfNeeded: $0) }
    let bits16 = values.map { UInt16(truncatingIfNeeded: $0) }
    let bits32 = values.map { UInt32(truncatingIfNeeded: $0) }
    let bits64 = values.map { UInt64(bitPattern: $0) }
    var writer = ColumnWriter()
    writer.append(bits8.span)
    writer.append(bits16.span)
    writer.append(bits32.span)
    writer.append(bits64.span)
    writer.append(values.span)
    writer.append(deltas: values.span)
    let bytes = writer.bytes
    var reader = ColumnReader(bytes.rawSpan, segment: 1, block: 2)
    var (read8, read16, read32) = ([UInt8(1)], [UInt16(1)], [UInt32(1)])
    var (read64, signed, deltas) = ([UInt64(1)], [Int64(1)], [Int64(1)])
    try reader.read(count: values.count, into: &read8)
    try reader.read(count: values.count, into: &read16)
    try reader.read(count: values.count, into: &read32)
    try reader.read(count: values.count, into: &read64)
    try reader.read(count: values.count, into: &signed)
    try reader.read(deltas: values.count, into: &deltas)
    try reader.finish()
    #expect(read8 == bits8)
    #expect(read16 == bits16)
    #expect(read32 == bits32)
    #expect(read64 == bits64)
    #expect(signed == values)
    #expect(deltas == values)
  }
}
