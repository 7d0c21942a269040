import Compression
import Foundation
import SeededRandom
import Testing

/// What the streams write is read by the programs that everybody has.
@Suite struct StreamTests {
  private func unpack(_ bytes: [UInt8], with program: String) throws -> [UInt8] {
    let path = FileManager.default.temporaryDirectory
      .appending(path: "weighbridge-stream-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: path) }
    try Data(bytes).write(to: path)
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = [program, "-dc"]
    process.standardInput = try FileHandle(forReadingFrom: path)
    let pipe = Pipe()
    process.standardOutput = pipe
    try process.run()
    let data = try pipe.fileHandleForReading.readToEnd() ?? Data()
    process.waitUntilExit()
    #expect(process.terminationStatus == 0)
    return Array(data)
  }

  private static func pieces(_ seed: UInt64, _ lengths: [Int]) -> [[UInt8]] {
    var random = SplitMix64(seed: seed)
    return lengths.map { length in
      let mask: UInt8 = Bool.random(using: &random) ? 0xFF : 0x03
      return (0..<length).map { _ in UInt8(truncatingIfNeeded: random.next()) & mask }
    }
  }

  static let shapes: [[Int]] = [
    [], [0], [1], [0, 1, 0], [65_535, 65_536, 65_537], [1_000_000],
    Array(repeating: 7, count: 5_000),
  ]

  @Test(arguments: shapes)
  func gzip(lengths: [Int]) throws {
    let pieces = Self.pieces(1, lengths)
    let stream = GzipStream()
    var bytes: [UInt8] = []
    for piece in pieces { stream.compress(piece, into: &bytes) }
    stream.finish(into: &bytes)
    let length = bytes.count
    stream.finish(into: &bytes)
    #expect(bytes.count == length)
    #expect(try unpack(bytes, with: "gzip") == Array(pieces.joined()))
  }

  @Test(arguments: shapes)
  func zstd(lengths: [Int]) throws {
    let pieces = Self.pieces(2, lengths)
    let stream = ZstdStream()
    var bytes: [UInt8] = []
    for piece in pieces { stream.compress(piece, into: &bytes) }
    stream.finish(into: &bytes)
    let content = Array(pieces.joined())
    var read: [UInt8] = []
    let span = bytes.span
    try Decompressor().decompress(unsafe span.bytes, limit: content.count, into: &read)
    #expect(read == content)
    // The frame's checksum is there: a changed content is seen.
    guard content.count > 100_000 else { return }
    var changed = bytes
    changed[bytes.count / 2] ^= 1
    #expect(throws: CompressionError.self) {
      var read: [UInt8] = []
      let span = changed.span
      try Decompressor().decompress(unsafe span.bytes, limit: content.count, into: &read)
    }
  }
}
