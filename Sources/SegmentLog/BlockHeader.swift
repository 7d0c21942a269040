/// What a block holds.
public enum BlockKind: UInt8, Sendable, CaseIterable, Hashable {
  /// Decisions other than usage: configuration, snapshots, closes, finalizations.
  case control = 1
  /// Judged usage records and the receipts of their batches.
  case usage = 2
}

/// The first 72 bytes of a block.
///
/// Layout in the article <doc:SegmentFormat>. A parsed header has passed every check that needs no
/// other block: the checksum over the whole block, limits, kind and order of arrivals.
public struct BlockHeader: Sendable, Hashable {
  /// What the block holds.
  public var kind: BlockKind
  /// The place before the block's first entry, with the checksum of the block before.
  public var start: ChainPoint
  /// Number of entries, 1 to ``BlockLimits/maximumEntryCount``.
  public var entryCount: Int
  /// The first arrival in ms UTC, not after ``lastArrival``.
  public var firstArrival: Int64
  /// The last arrival in ms UTC.
  public var lastArrival: Int64
  /// Bytes that are stored as they are, outside the zstd frame.
  public var rawLength: Int
  /// Bytes of the columns before compression.
  public var columnsLength: Int
  /// Bytes of the zstd frame; 0 exactly if there are no columns.
  public var compressedLength: Int
  /// XXH64 of everything in the block that stands behind the checksum.
  public var checksum: UInt64

  /// Bytes of a block header.
  public static let byteCount = 72
  /// The first four bytes of a block, "WBBK".
  public static let magic: UInt32 = 0x4B42_4257

  static let version: UInt8 = 1
  static let checksumOffset = 8
  static let compressedLengthOffset = 60
  static let checksummedOffset = 16

  /// Bytes of the whole block: header, raw section, zstd frame.
  public var blockByteCount: Int { Self.byteCount + rawLength + compressedLength }

  /// The place behind the block's last entry.
  public var end: ChainPoint {
    ChainPoint(
      position: LogPosition(start.position.rawValue &+ UInt64(entryCount)), chain: checksum)
  }
}
