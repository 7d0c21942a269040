import Compression
import SeededRandom
import Testing

/// Frames, limits and hostile input.
@Suite struct CompressionTests {
  /// 1,000 letters "a" in a frame that does not state its content's length.
  static let silentFrame: [UInt8] = [
    0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x58, 0x4d, 0x00, 0x00, 0x10, 0x61, 0x61, 0x01, 0x00, 0xe3, 0x2b,
    0x80, 0x05,
  ]

  @Test(arguments: [-7, -1, 1, 3, 19])
  func everyLevelRoundTrips(level: Int) throws {
    var generator = SplitMix64(seed: 1)
    let compressor = Compressor(level: level)
    let decompressor = Decompressor()
    for length in [0, 1, 2, 3, 100, 4_096, 300_000] {
      let source = (0..<length).map { _ in UInt8(truncatingIfNeeded: generator.next() % 20) }
      var frame: [UInt8] = [9, 9]
      let written = compressor.compress(source.rawSpan, into: &frame)
      #expect(frame.count == 2 + written)
      #expect(Array(frame[..<2]) == [9, 9])
      var content: [UInt8] = [7]
      let read = try decompressor.decompress(
        frame.rawSpan.extracting(2..<frame.count), limit: length, into: &content)
      #expect(read == length)
      #expect(content == [7] + source)
    }
  }

  @Test func levelsHoldTheDefault() {
    #expect(Compressor.levels.contains(Compressor.defaultLevel))
    #expect(Compressor().level == Compressor.defaultLevel)
  }

  @Test func limitIsExact() throws {
    var frame: [UInt8] = []
    Compressor().compress([UInt8](repeating: 5, count: 1_000).rawSpan, into: &frame)
    #expect(try decompressed(frame, limit: 1_000).count == 1_000)
    #expect(throws: CompressionError.limitExceeded(limit: 999)) {
      try decompressed(frame, limit: 999)
    }
  }

  @Test func silentFrameIsLimitedToo() throws {
    let content = try decompressed(Self.silentFrame, limit: 1_000)
    #expect(content == [UInt8](repeating: UInt8(ascii: "a"), count: 1_000))
    #expect(throws: CompressionError.limitExceeded(limit: 999)) {
      try decompressed(Self.silentFrame, limit: 999)
    }
  }

  @Test func bombStaysWithinItsLimit() throws {
    var frame: [UInt8] = []
    Compressor().compress([UInt8](repeating: 0, count: 64 << 20).rawSpan, into: &frame)
    #expect(frame.count < 16_384)
    var output: [UInt8] = []
    #expect(throws: CompressionError.limitExceeded(limit: 4_096)) {
      try Decompressor().decompress(frame.rawSpan, limit: 4_096, into: &output)
    }
    #expect(output.capacity < 8_192)
  }

  @Test func hugeClaimIsRefused() {
    // A single-segment frame that claims 2⁶³ bytes.
    let frame: [UInt8] = [0x28, 0xb5, 0x2f, 0xfd, 0xe0, 0, 0, 0, 0, 0, 0, 0, 0x80, 1, 0, 0]
    #expect(throws: CompressionError.limitExceeded(limit: 10)) {
      try decompressed(frame, limit: 10)
    }
  }

  @Test func everyPrefixAndFlipIsAnErrorOrWithinTheLimit() throws {
    let source = (0..<400).map { UInt8(truncatingIfNeeded: $0 * $0 % 13) }
    var frame: [UInt8] = []
    Compressor().compress(source.rawSpan, into: &frame)
    for length in 0..<frame.count {
      let content = try? decompressed(Array(frame[..<length]), limit: 400)
      #expect(content == nil || (length == 0 && content == []))
    }
    for bit in 0..<(frame.count * 8) {
      var damaged = frame
      damaged[bit / 8] ^= 1 << (bit % 8)
      let content = try? decompressed(damaged, limit: 400)
      #expect((content?.count ?? 0) <= 400)
    }
  }

  @Test func failureLeavesTheOutputAlone() {
    var output: [UInt8] = [1, 2, 3]
    let garbage: [UInt8] = [0xff, 0, 1, 2, 3, 4, 5, 6, 7, 8]
    #expect(throws: CompressionError.malformed(reason: "no zstd frame")) {
      try Decompressor().decompress(garbage.rawSpan, limit: 100, into: &output)
    }
    #expect(output == [1, 2, 3])
  }

  @Test func unknownLevelStopsTheProcess() async {
    await #expect(processExitsWith: .failure) { _ = Compressor(level: 23) }
  }

  private func decompressed(_ frame: [UInt8], limit: Int) throws(CompressionError) -> [UInt8] {
    var content: [UInt8] = []
    try Decompressor().decompress(frame.rawSpan, limit: limit, into: &content)
    return content
  }
}
