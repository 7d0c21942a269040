/// Chains blocks: gives each its place in the log and the hash of its content.
///
/// What the chain rests on is known before anything is compressed. So the owner of the log goes on
/// with the next block while another thread compresses this one; see ``BlockEncoder``.
public struct BlockSealer: ~Copyable, Sendable {
  /// The place where the next block starts.
  public private(set) var end: ChainPoint

  /// A sealer that continues a log.
  ///
  /// - Parameter end: the end of the log so far.
  public init(continuing end: ChainPoint) { self.end = end }

  /// Makes the header of the next block and moves on to the block's end.
  ///
  /// Lengths and counts past ``BlockLimits``, a count of zero, arrivals out of order and positions
  /// past 64 bits are bugs of the caller and stop the process.
  ///
  /// Complexity: linear in the lengths, some 10 GB/s.
  ///
  /// - Parameters:
  ///   - kind: what the block holds.
  ///   - entryCount: the log positions that it takes.
  ///   - firstArrival: in ms UTC, not after `lastArrival`.
  ///   - lastArrival: in ms UTC.
  ///   - raw: bytes that are stored as they are, such as 16-byte keys; may be empty.
  ///   - columns: bytes that are compressed, such as ``ColumnWriter/bytes``; may be empty.
  public mutating func seal(
    kind: BlockKind, entryCount: Int, firstArrival: Int64, lastArrival: Int64, raw: RawSpan,
    columns: RawSpan
  ) -> BlockHeader {
    precondition(
      (1...BlockLimits.maximumEntryCount).contains(entryCount), "BUG: \(entryCount) entries")
    precondition(firstArrival <= lastArrival, "BUG: arrivals of a block out of order")
    precondition(
      raw.byteCount <= BlockLimits.maximumRawLength, "BUG: a raw section of \(raw.byteCount)")
    precondition(
      columns.byteCount <= BlockLimits.maximumColumnsLength, "BUG: columns of \(columns.byteCount)")
    precondition(
      UInt64(entryCount) <= UInt64.max - end.position.rawValue, "BUG: the log is full")
    var header = BlockHeader(
      kind: kind, start: end, entryCount: entryCount, firstArrival: firstArrival,
      lastArrival: lastArrival, rawLength: raw.byteCount, columnsLength: columns.byteCount,
      compressedLength: 0, content: 0, checksum: 0)
    header.content = header.contentHash(raw: raw, columns: columns)
    end = header.end
    return header
  }
}
