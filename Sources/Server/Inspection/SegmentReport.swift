public import SegmentLog
public import Wire

/// What a segment holds, read beside a running service.
public struct SegmentReport: Sendable {
  /// One block.
  public struct Block: Sendable, Hashable {
    /// Byte offset in the segment.
    public var offset: Int
    /// Its header.
    public var header: BlockHeader
  }

  /// How the segment ends.
  public enum Ending: Sendable, Hashable {
    /// With its last block, or with zeros that wait to be written.
    case whole
    /// With a write that is under way, or that a crash cut off; the next start cuts it off.
    case torn(SegmentError)
    /// Bytes that were synced are gone or changed.
    case damaged(SegmentError)
  }

  /// The partition that it is of.
  public var partition: UInt16
  /// Its number.
  public var number: UInt64
  /// Bytes of the file.
  public var fileBytes: Int
  /// Its header; nil if it is not readable.
  public var header: SegmentHeader?
  /// Its valid blocks, in order.
  public var blocks: [Block] = []
  /// How it ends.
  public var ending = Ending.whole
  /// Bytes of its header and valid blocks.
  public var contentBytes = 0

  /// Where it ends; nil if its header is not readable.
  public var end: ChainPoint? { blocks.last?.header.end ?? header?.start }
  /// Entries in its blocks.
  public var entries: Int { blocks.reduce(0) { $0 + $1.header.entryCount } }
  /// The arrival of its first entry; nil without blocks.
  public var firstArrival: Timestamp? {
    blocks.first.map { Timestamp(milliseconds: $0.header.firstArrival) }
  }
  /// The arrival of its last entry; nil without blocks.
  public var lastArrival: Timestamp? {
    blocks.last.map { Timestamp(milliseconds: $0.header.lastArrival) }
  }
}
