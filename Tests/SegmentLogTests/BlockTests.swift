import Compression
import SeededRandom
import SegmentLog
import Testing

/// Sealing, lending and decompressing blocks.
@Suite struct BlockTests {
  @Test func randomBlocksRoundTripAcrossSegments() throws {
    var generator = SplitMix64(seed: 42)
    var sealer = BlockSealer(continuing: .beginning)
    var previous: ChainPoint?
    for number in UInt64(1)...4 {
      let header = SegmentHeader(
        installation: UInt128.max, secretFingerprint: .max, partition: 65_534,
        partitionCount: 65_535, number: number, start: sealer.end, createdAt: -1)
      var bytes: [UInt8] = []
      header.encode(into: &bytes)
      #expect(bytes.count == SegmentHeader.byteCount)
      var raws: [[UInt8]] = []
      var columns: [[UInt8]] = []
      for _ in 0..<20 {
        raws.append(randomBytes(&generator, upTo: 3_000, values: 256))
        columns.append(randomBytes(&generator, upTo: 200_000, values: 5))
        let before = bytes.count
        let entries = Int.random(in: 1...70_000, using: &generator)
        let start = sealer.end
        let block = sealer.seal(
          .usage, entries: entries, arrivals: .min ... .max, raw: raws[raws.count - 1],
          columns: columns[columns.count - 1], into: &bytes)
        #expect(block.start == start)
        #expect(block.end == sealer.end)
        #expect(block.end.position.rawValue == start.position.rawValue + UInt64(entries))
        #expect(block.blockByteCount == bytes.count - before)
      }
      let reading = Reading(bytes, segment: number, after: previous)
      #expect(reading.error == nil)
      #expect(reading.raw == raws)
      #expect(reading.columns == columns)
      #expect(try SegmentHeader(parsing: bytes.rawSpan, segment: number) == header)
      previous = sealer.end
    }
  }

  private func randomBytes(
    _ generator: inout SplitMix64, upTo limit: Int, values: UInt64
  ) -> [UInt8] {
    let count = generator.next() % 4 == 0 ? 0 : Int.random(in: 0...limit, using: &generator)
    return (0..<count).map { _ in UInt8(truncatingIfNeeded: generator.next() % values) }
  }

  @Test func columnsNeedNoDecompression() throws {
    let log = SampleLog()
    var reader = try SegmentReader(log.bytes.rawSpan, segment: SampleLog.number)
    var lengths: [Int] = []
    while let block = try reader.next() {
      lengths.append(block.raw.byteCount)
      #expect(block.segment == SampleLog.number)
      #expect(block.offset == log.borders[lengths.count - 1])
    }
    #expect(lengths == [32, 0, 16])
    #expect(reader.end == log.places[3])
    #expect(reader.offset == log.bytes.count)
  }

  @Test func readerStaysAtAnError() throws {
    let log = SampleLog()
    let torn = Array(log.bytes.dropLast())
    var reader = try SegmentReader(torn.rawSpan, segment: SampleLog.number)
    var errors: [SegmentError] = []
    for _ in 0..<5 {
      do throws(SegmentError) { _ = try reader.next() } catch { errors.append(error) }
    }
    #expect(errors.count == 3)
    #expect(Set(errors).count == 1)
    #expect(reader.offset == log.borders[2])
    #expect(reader.end == log.places[2])
  }

  /// The control block of the sample log holds 21 bytes of columns.
  @Test(arguments: [(stated: 20, found: 0), (stated: 22, found: 21)] as [(Int, UInt64)])
  func columnsOfAnotherLengthAreRefused(stated: Int, found: UInt64) {
    let log = SampleLog()
    var bytes = Array(log.bytes[..<log.borders[2]])
    bytes.set(UInt32(stated), at: log.borders[1] + 56)
    bytes.resealBlock(at: log.borders[1])
    expectCompressionFault(of: bytes, at: log.borders[1], expected: UInt64(stated), found: found)
  }

  @Test func columnsThatAreNoFrameAreRefused() {
    let log = SampleLog()
    var bytes = Array(log.bytes[..<log.borders[2]])
    bytes[log.borders[1] + BlockHeader.byteCount] ^= 1
    bytes.resealBlock(at: log.borders[1])
    expectCompressionFault(of: bytes, at: log.borders[1], expected: 21, found: 0)
  }

  /// The chain is whole, so the fault shows only where the columns are wanted.
  private func expectCompressionFault(
    of bytes: [UInt8], at offset: Int, expected: UInt64, found: UInt64
  ) {
    #expect(
      Reading(bytes).error
        == SegmentError(
          .compression, segment: SampleLog.number, offset: offset, expected: expected,
          found: found))
    let scan = SegmentScan(ofLast: bytes.rawSpan, segment: SampleLog.number, mark: nil)
    #expect(scan.decision == .intact)
  }

  @Test func bombInABlockStaysWithinTheHeader() throws {
    var frame: [UInt8] = []
    Compressor().compress([UInt8](repeating: 0, count: 32 << 20).rawSpan, into: &frame)
    var bytes: [UInt8] = []
    SegmentHeader(
      installation: 0, secretFingerprint: 0, partition: 0, partitionCount: 1, number: 1,
      start: .beginning, createdAt: 0
    ).encode(into: &bytes)
    var sealer = BlockSealer(continuing: .beginning)
    _ = sealer.seal(.usage, entries: 1, arrivals: 0...0, raw: frame, into: &bytes)
    // The raw section becomes the frame, with a small stated length.
    bytes.set(UInt32(0), at: 80 + 52)
    bytes.set(UInt32(100), at: 80 + 56)
    bytes.set(UInt32(frame.count), at: 80 + 60)
    bytes.resealBlock(at: 80)
    var reader = try SegmentReader(bytes.rawSpan, segment: 1)
    let next = try reader.next()
    guard let block = next else {
      Issue.record("no block")
      return
    }
    var buffer: [UInt8] = []
    #expect(throws: SegmentError.self) {
      try decompress(bytes, into: &buffer)
    }
    #expect(block.header.columnsLength == 100)
    #expect(buffer.isEmpty)
    #expect(buffer.capacity < 4_096)
  }

  private func decompress(_ segment: [UInt8], into buffer: inout [UInt8]) throws {
    var reader = try SegmentReader(segment.rawSpan, segment: 1)
    while let block = try reader.next() {
      try block.decompressColumns(with: Decompressor(), into: &buffer)
    }
  }

  @Test func limitsAreInclusive() throws {
    let raw = [UInt8](repeating: 1, count: BlockLimits.maximumRawLength)
    let columns = [UInt8](repeating: 2, count: BlockLimits.maximumColumnsLength)
    var bytes: [UInt8] = []
    SegmentHeader(
      installation: 0, secretFingerprint: 0, partition: 0, partitionCount: 1, number: 1,
      start: .beginning, createdAt: 0
    ).encode(into: &bytes)
    var sealer = BlockSealer(continuing: .beginning)
    _ = sealer.seal(
      .usage, entries: BlockLimits.maximumEntryCount, arrivals: 0...0, raw: raw, columns: columns,
      into: &bytes)
    let reading = Reading(bytes, segment: 1)
    #expect(reading.error == nil)
    #expect(reading.headers.map(\.entryCount) == [BlockLimits.maximumEntryCount])
    #expect(reading.raw == [raw])
    #expect(reading.columns == [columns])
  }

  @Test func bugsOfTheCallerStopTheProcess() async {
    await #expect(processExitsWith: .failure) {
      var sealer = BlockSealer(continuing: .beginning)
      var output: [UInt8] = []
      _ = sealer.seal(.usage, entries: 0, arrivals: 0...0, into: &output)
    }
    await #expect(processExitsWith: .failure) {
      let raw = [UInt8](repeating: 1, count: BlockLimits.maximumRawLength + 1)
      var sealer = BlockSealer(continuing: .beginning)
      var output: [UInt8] = []
      _ = sealer.seal(.usage, entries: 1, arrivals: 0...0, raw: raw, into: &output)
    }
    await #expect(processExitsWith: .failure) {
      let last = ChainPoint(position: LogPosition(.max), chain: 0)
      var sealer = BlockSealer(continuing: last)
      var output: [UInt8] = []
      _ = sealer.seal(.usage, entries: 1, arrivals: 0...0, into: &output)
    }
  }
}
