internal import CanonicalLoad
internal import Compression
internal import SegmentLog
internal import Wire

/// Columns of records of the canonical load, in the shapes that usage blocks have: times as
/// differences, quantities, small numbers, and keys beside them.
struct BlockColumns {
  static let records = 16_384

  private(set) var keys: [UInt8] = []
  private(set) var times: [Int64] = []
  private(set) var quantities: [Int64] = []
  private(set) var rows: [UInt32] = []
  private(set) var flags: [UInt8] = []

  init() {
    var mix = CanonicalMix(seed: 9)
    var sequence = KeySequence(seed: 9, counter: 0)
    for number in 0..<Self.records {
      let shape = mix.next()
      for _ in 0..<2 {
        let word = sequence.next()
        for place in 0..<8 { keys.append(UInt8(truncatingIfNeeded: word >> UInt64(8 * place))) }
      }
      times.append(FrameSource.start + Int64(number) + shape.delay)
      quantities.append(shape.quantity)
      rows.append(UInt32(shape.tenant * 64 + shape.operation))
      flags.append(shape.kind.rawValue)
    }
  }
}

/// From columns to a compressed and checksummed block.
final class BlockEncodeStage: StageBody {
  private let columns = BlockColumns()
  private var writer = ColumnWriter()
  private var sealer = BlockSealer(continuing: .beginning)
  private let encoder = BlockEncoder()
  private var output: [UInt8] = []

  init(_ size: Stage.Size) {}

  func batch() -> Int {
    output.removeAll(keepingCapacity: true)
    seal()
    keep(UInt64(output.count))
    return BlockColumns.records
  }

  /// The block that is made.
  func sealed() -> [UInt8] {
    seal()
    return output
  }

  private func seal() {
    let columns = columns
    writer.removeAll()
    writer.append(deltas: columns.times.span)
    writer.append(columns.quantities.span)
    writer.append(columns.rows.span)
    writer.append(columns.flags.span)
    let raw = columns.keys.span
    let written = writer.bytes
    let compressible = written.span
    let header = unsafe sealer.seal(
      kind: .usage, entryCount: BlockColumns.records, firstArrival: 1, lastArrival: 2,
      raw: raw.bytes, columns: compressible.bytes)
    unsafe encoder.append(header, raw: raw.bytes, columns: compressible.bytes, to: &output)
  }
}

/// From a block to columns, its checksum included.
final class BlockDecodeStage: StageBody {
  private let segment: [UInt8]
  private let decompressor = Decompressor()
  private var buffer: [UInt8] = []
  private var times: [Int64] = []
  private var quantities: [Int64] = []
  private var rows: [UInt32] = []
  private var flags: [UInt8] = []

  init(_ size: Stage.Size) throws {
    var bytes: [UInt8] = []
    SegmentHeader(
      installation: 1, secretFingerprint: 2, partition: 0, partitionCount: 1, number: 1,
      start: .beginning, createdAt: 1
    ).encode(into: &bytes)
    segment = bytes + BlockEncodeStage(size).sealed()
  }

  func batch() throws -> Int {
    let segment = segment
    let bytes = segment.span
    var reader = unsafe try SegmentReader(bytes.bytes, segment: 1)
    guard let block = try reader.next() else { preconditionFailure("BUG: no block") }
    try block.decompressColumns(with: decompressor, into: &buffer)
    let decompressed = buffer
    let found = decompressed.span
    var columns = unsafe ColumnReader(found.bytes, segment: 1, block: block.offset)
    let count = BlockColumns.records
    try columns.read(deltas: count, into: &times)
    try columns.read(count: count, into: &quantities)
    try columns.read(count: count, into: &rows)
    try columns.read(count: count, into: &flags)
    keep(UInt64(bitPattern: times[count - 1]))
    return count
  }
}
