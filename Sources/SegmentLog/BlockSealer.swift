public import Compression

/// Where a sealed block stands in the log and how long it is.
public struct SealedBlock: Sendable, Hashable {
  /// The place before the block's first entry.
  public var start: ChainPoint
  /// The place behind its last entry; its chain is the block's checksum.
  public var end: ChainPoint
  /// Bytes that were appended.
  public var byteCount: Int
}

/// Makes blocks: compresses, checksums and chains them.
///
/// One thread owns a sealer.
public struct BlockSealer: ~Copyable {
  /// The place where the next block starts.
  public private(set) var end: ChainPoint

  private let compressor: Compressor

  /// A sealer that continues a log.
  ///
  /// - Parameters:
  ///   - end: the end of the log so far.
  ///   - level: the zstd level, one of ``Compression/Compressor/levels``.
  public init(continuing end: ChainPoint, level: Int = Compressor.defaultLevel) {
    self.end = end
    compressor = Compressor(level: level)
  }

  /// Appends one block and moves on to its end.
  ///
  /// Lengths and counts past ``BlockLimits``, a count of zero, arrivals out of order and positions
  /// past 64 bits are bugs of the caller and stop the process.
  ///
  /// Complexity: linear in the lengths; no copy of `raw` or of the frame beyond the one into
  /// `output`.
  ///
  /// - Parameters:
  ///   - kind: what the block holds.
  ///   - entryCount: the log positions that it takes.
  ///   - firstArrival: in ms UTC, not after `lastArrival`.
  ///   - lastArrival: in ms UTC.
  ///   - raw: bytes that are stored as they are, such as 16-byte keys; may be empty.
  ///   - columns: bytes that are compressed, such as ``ColumnWriter/bytes``; may be empty.
  ///   - output: where the block's bytes are appended.
  public mutating func seal(
    kind: BlockKind, entryCount: Int, firstArrival: Int64, lastArrival: Int64, raw: RawSpan,
    columns: RawSpan, into output: inout [UInt8]
  ) -> SealedBlock {
    precondition(
      (1...BlockLimits.maximumEntryCount).contains(entryCount), "BUG: \(entryCount) entries")
    precondition(firstArrival <= lastArrival, "BUG: arrivals of a block out of order")
    precondition(
      raw.byteCount <= BlockLimits.maximumRawLength, "BUG: a raw section of \(raw.byteCount)")
    precondition(
      columns.byteCount <= BlockLimits.maximumColumnsLength, "BUG: columns of \(columns.byteCount)")
    precondition(
      UInt64(entryCount) <= UInt64.max - end.position.rawValue, "BUG: the log is full")
    let before = output.count
    var header = BlockHeader(
      kind: kind, start: end, entryCount: entryCount, firstArrival: firstArrival,
      lastArrival: lastArrival, rawLength: raw.byteCount, columnsLength: columns.byteCount,
      compressedLength: 0, checksum: 0)
    header.encodeWithoutChecksum(into: &output)
    output.append(raw)
    if !columns.isEmpty {
      header.compressedLength = compressor.compress(columns, into: &output)
      output.set(
        littleEndian: UInt32(header.compressedLength),
        at: before + BlockHeader.compressedLengthOffset)
    }
    header.checksum = XXH64.hash(output, from: before + BlockHeader.checksummedOffset)
    output.set(littleEndian: header.checksum, at: before + BlockHeader.checksumOffset)
    end = header.end
    return SealedBlock(start: header.start, end: end, byteCount: output.count - before)
  }
}

// A sealer cannot be copied, and nothing else reaches its compressor: one owner at a time.
extension BlockSealer: @unchecked Sendable {}
