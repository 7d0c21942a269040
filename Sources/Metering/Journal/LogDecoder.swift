internal import Compression
public import SegmentLog
import Wire

/// Decodes the blocks of a log in their order.
///
/// It needs no state but the log's own, so that it may run ahead of whoever takes the blocks.
///
/// ```swift
/// var decoder = LogDecoder()
/// for segment in segments {
///   var reader = try decoder.begin(segment.bytes, number: segment.number)
///   while let next = try reader.next() { try decoder.decode(next, into: block); … }
/// }
/// ```
public struct LogDecoder: ~Copyable {
  /// The end of the last block that was decoded; nil before the first segment.
  public private(set) var end: ChainPoint?

  private var segment: UInt64?
  /// Whether the next block is the first one of its segment.
  private var isHead = false
  private let decompressor = Decompressor()
  private var columns: [UInt8] = []

  /// A decoder at the beginning of the first segment that is retained.
  public init() {}

  /// Begins a segment; segments are given in order, the oldest one first.
  ///
  /// - Parameters:
  ///   - bytes: the file up to the end of its last valid block, or with zeros behind it.
  ///   - number: the number in the file's name.
  /// - Returns: what reads the segment's blocks.
  /// - Throws: `SegmentError`, ``JournalError``, or ``RecoveryError`` for a gap between numbers.
  @_lifetime(copy bytes)
  public mutating func begin(_ bytes: RawSpan, number: UInt64) throws -> SegmentReader {
    if let segment, number != segment &+ 1 {
      throw RecoveryError.segmentMissing(expected: segment &+ 1, found: number)
    }
    let reader = try SegmentReader(bytes, segment: number, after: end)
    try check(reader.header.createdAt, at: reader.end)
    segment = number
    end = reader.end
    isHead = true
    return reader
  }

  /// Leaves the rest of a segment out: the next one may begin behind it. That it does is for its
  /// head to say.
  public mutating func passOver() { end = nil }

  /// Decodes the next block of the segment; what `block` held before is replaced.
  ///
  /// - Throws: `SegmentError` for damage, ``JournalError`` for content that contradicts itself,
  ///   ``RecoveryError`` for a segment that does not begin with a snapshot. What `block` then
  ///   holds must not be used.
  public mutating func decode(
    _ source: borrowing SegmentBlock, into block: LoggedBlock
  ) throws {
    let header = source.header
    try check(header.lastArrival, at: header.start)
    try source.decompressColumns(with: decompressor, into: &columns)
    if isHead, header.kind != .control || !ControlEntry.isSnapshot(columns.first) {
      throw RecoveryError.snapshotMissing(segment: source.segment)
    }
    isHead = false
    block.sums.removeAll()
    switch header.kind {
    case .usage:
      block.entry = nil
      try block.usage.decode(source, columns: columns)
      block.sums.add(block.usage.records)
    case .control:
      block.usage.removeAll()
      let entry = try ControlEntry(decoding: columns, at: header.start.position)
      if case .corrected(let correction) = entry { block.sums.add(correction) }
      block.entry = entry
    }
    block.start = header.start
    block.end = header.end
    block.lastArrival = Timestamp(milliseconds: header.lastArrival)
    block.byteCount = header.blockByteCount
    end = header.end
  }

  /// Checks a time that the ledger goes on with: it must lie between 1970 and 9999.
  private func check(_ time: Int64, at place: ChainPoint) throws(JournalError) {
    guard (0...Timestamp.latest.milliseconds).contains(time) else {
      throw JournalError(
        position: place.position, problem: "a time of \(time); it must lie between 1970 and 9999")
    }
  }
}
