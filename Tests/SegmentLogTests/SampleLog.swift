import Compression
import SegmentLog

/// A segment of three blocks whose borders are known.
struct SampleLog {
  static let number: UInt64 = 7
  static let start = ChainPoint(position: LogPosition(100), chain: 0xFEED)

  /// The whole segment, without preallocated zeros.
  var bytes: [UInt8] = []
  /// Offsets of the ends of the header and of each block.
  var borders: [Int] = []
  /// The places in the log at these offsets.
  var places: [ChainPoint] = [SampleLog.start]

  init() {
    SegmentHeader(
      installation: 0x0102_0304, secretFingerprint: 5, partition: 1, partitionCount: 2,
      number: Self.number, start: Self.start, createdAt: 1_790_000_000_000
    ).encode(into: &bytes)
    borders.append(bytes.count)
    var sealer = BlockSealer(continuing: Self.start)
    var columns = ColumnWriter()
    columns.append(deltas: [1_790_000_000_005, 1_790_000_000_001].span)
    append(
      sealer.seal(
        .usage, entries: 3, arrivals: 10...20, raw: [UInt8](1...32), columns: columns.bytes,
        into: &bytes))
    append(
      sealer.seal(
        .control, entries: 1, arrivals: 20...20, columns: [UInt8](40...60), into: &bytes))
    append(
      sealer.seal(.usage, entries: 2, arrivals: 21...30, raw: [UInt8](200...215), into: &bytes))
  }

  private mutating func append(_ block: BlockHeader) {
    borders.append(bytes.count)
    places.append(block.end)
  }

  /// The bytes of one block.
  func block(_ index: Int) -> [UInt8] { Array(bytes[borders[index]..<borders[index + 1]]) }

  /// Blocks of this log that stand unchanged at the start of a segment; nil if its header does not.
  func survivors(in segment: [UInt8]) -> Int? {
    borders.lastIndex { segment.count >= $0 && segment[..<$0] == bytes[..<$0] }
  }
}

/// What a reader made of a segment.
struct Reading: Equatable {
  var headers: [BlockHeader] = []
  var raw: [[UInt8]] = []
  var columns: [[UInt8]] = []
  var offset: Int?
  var error: SegmentError?

  /// Reads a segment to its end, columns included.
  init(_ bytes: [UInt8], segment: UInt64 = SampleLog.number, after: ChainPoint? = nil) {
    do {
      let decompressor = Decompressor()
      var buffer: [UInt8] = []
      var reader = try SegmentReader(bytes.rawSpan, segment: segment, after: after)
      offset = reader.offset
      while let block = try reader.next() {
        headers.append(block.header)
        raw.append(unsafe block.raw.withUnsafeBytes { unsafe Array($0) })
        offset = reader.offset
        try block.decompressColumns(with: decompressor, into: &buffer)
        columns.append(buffer)
      }
    } catch let found {
      error = found
    }
  }
}

extension BlockSealer {
  /// Seals and encodes arrays.
  @discardableResult
  mutating func seal(
    _ kind: BlockKind, entries: Int, arrivals: ClosedRange<Int64>, raw: [UInt8] = [],
    columns: [UInt8] = [], into output: inout [UInt8]
  ) -> BlockHeader {
    let header = seal(
      kind: kind, entryCount: entries, firstArrival: arrivals.lowerBound,
      lastArrival: arrivals.upperBound, raw: raw.rawSpan, columns: columns.rawSpan)
    return BlockEncoder().append(
      header, raw: raw.rawSpan, columns: columns.rawSpan, to: &output)
  }
}
