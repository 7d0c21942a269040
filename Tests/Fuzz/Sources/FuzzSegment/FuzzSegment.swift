import Bytes
import Compression
import SegmentLog

/// Feeds arbitrary bytes to everything that reads files; libFuzzer calls it.
///
/// The first byte picks the reader, the rest is its input. Nothing may trap, and no buffer may grow
/// past what the limits of the format allow.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzSegment(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let input = unsafe Array(UnsafeBufferPointer(start: start, count: count))
  guard let choice = input.first else { return 0 }
  var bytes = Array(input.dropFirst())
  switch choice % 5 {
  case 0: readSegment(bytes)
  case 1:
    bytes.repairChecksums()
    readSegment(bytes)
  case 2: readColumns(bytes)
  case 3: _ = try? DurabilityMark(parsing: RawSpan(_elements: bytes.span))
  default: decompress(bytes)
  }
  return 0
}

/// The number that every segment claims.
private let number: UInt64 = 7

/// Scans and reads a segment; what the scan calls valid must read to its end.
private func readSegment(_ bytes: [UInt8]) {
  let span = RawSpan(_elements: bytes.span)
  let scan = SegmentScan(ofLast: span, segment: number, mark: nil)
  precondition(scan.validLength <= scan.contentLength || scan.end != nil, "BUG: lengths")
  let decompressor = Decompressor()
  var buffer: [UInt8] = []
  var blocks = 0
  do {
    var reader = try SegmentReader(span, segment: number)
    while let block = try reader.next() {
      blocks += 1
      try? block.decompressColumns(with: decompressor, into: &buffer)
      precondition(buffer.isEmpty || buffer.count == block.header.columnsLength, "BUG: columns")
      readColumns(buffer)
    }
    precondition(scan.decision == .intact, "BUG: scan and reader disagree")
    precondition(scan.validLength == reader.offset, "BUG: scan and reader disagree")
  } catch {
    precondition(scan.decision != .intact, "BUG: scan and reader disagree")
  }
  precondition(scan.blockCount == blocks, "BUG: scan and reader disagree")
}

/// Reads columns in an order that the bytes themselves choose.
private func readColumns(_ bytes: [UInt8]) {
  var reader = ColumnReader(RawSpan(_elements: bytes.span), segment: number, block: 80)
  var values8: [UInt8] = []
  var values16: [UInt16] = []
  var values32: [UInt32] = []
  var values64: [UInt64] = []
  var signed: [Int64] = []
  var texts: [String] = []
  do {
    while reader.offset < bytes.count {
      let count = min(bytes.count, 1 << 16) / 8
      switch bytes[reader.offset] {
      case 1: try reader.read(count: count, into: &values8)
      case 2: try reader.read(count: count, into: &values16)
      case 3: try reader.read(count: count, into: &values32)
      case 4: try reader.read(count: count, into: &values64)
      case 5: try reader.read(count: count, into: &signed)
      case 6: try reader.read(deltas: count, into: &signed)
      case 7: _ = try reader.readBytes()
      default: try reader.read(count: count, into: &texts)
      }
    }
    try reader.finish()
  } catch {
    precondition(error.column != nil && !error.description.isEmpty, "BUG: an error without a place")
  }
}

private func decompress(_ bytes: [UInt8]) {
  var output: [UInt8] = []
  let limit = 1 << 16
  _ = try? Decompressor().decompress(
    RawSpan(_elements: bytes.span), limit: limit, into: &output)
  precondition(output.count <= limit, "BUG: past the limit")
}

extension [UInt8] {
  /// Makes the segment's number and the checksums of all blocks right, so that what lies behind
  /// them is reached.
  fileprivate mutating func repairChecksums() {
    guard count >= SegmentHeader.byteCount else { return }
    for index in 0..<8 { self[32 + index] = UInt8(truncatingIfNeeded: number >> (8 * index)) }
    seal(72, from: 0, to: 72)
    var start = SegmentHeader.byteCount
    while count - start >= BlockHeader.byteCount {
      let length = integer(at: start + 52) + integer(at: start + 60)
      let end = Swift.min(start + BlockHeader.byteCount + length, count)
      seal(start + 8, from: start + 16, to: end)
      start = end
    }
  }

  private func integer(at offset: Int) -> Int {
    (0..<4).reduce(0) { $0 | Int(self[offset + $1]) << (8 * $1) }
  }

  private mutating func seal(_ offset: Int, from start: Int, to end: Int) {
    let checksum = XXH64.hash(RawSpan(_elements: span.extracting(start..<end)))
    for index in 0..<8 { self[offset + index] = UInt8(truncatingIfNeeded: checksum >> (8 * index)) }
  }
}
