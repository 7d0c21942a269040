internal import Bytes

/// What a block holds.
public enum BlockKind: UInt8, Sendable, CaseIterable, Hashable {
  /// Decisions other than usage: configuration, snapshots, closes, finalizations.
  case control = 1
  /// Judged usage records and the receipts of their batches.
  case usage = 2
}

/// The first 80 bytes of a block.
///
/// Layout in the article <doc:SegmentFormat>. A parsed header has passed every check that needs no
/// other block: the checksum over the whole block, limits, kind and order of arrivals.
public struct BlockHeader: Sendable, Hashable {
  /// What the block holds.
  public var kind: BlockKind
  /// The place before the block's first entry, with the content hash of the block before.
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
  /// The content hash, which the next block repeats: see ``contentHash(raw:columns:)``.
  public var content: UInt64
  /// XXH64 of everything in the block that stands behind the checksum.
  public var checksum: UInt64

  /// Bytes of a block header.
  public static let byteCount = 80
  /// The first four bytes of a block, "WBBK".
  public static let magic: UInt32 = 0x4B42_4257

  static let version: UInt8 = 2
  static let checksumOffset = 8
  static let compressedLengthOffset = 60
  static let checksummedOffset = 16

  /// Bytes of the whole block: header, raw section, zstd frame.
  public var blockByteCount: Int { Self.byteCount + rawLength + compressedLength }

  /// The place behind the block's last entry.
  public var end: ChainPoint {
    ChainPoint(
      position: LogPosition(start.position.rawValue &+ UInt64(entryCount)), chain: content)
  }

  /// The hash of what the block says, whatever its bytes are: XXH64 of the eight words chain and
  /// position of the start, kind, entries, first and last arrival, and the XXH64 of the raw section
  /// and of the columns before compression.
  ///
  /// Since it covers the hash of the block before, it stands for the whole log up to the block's
  /// end.
  func contentHash(raw: RawSpan, columns: RawSpan) -> UInt64 {
    let words: InlineArray<8, UInt64> = [
      start.chain, start.position.rawValue, UInt64(kind.rawValue), UInt64(entryCount),
      UInt64(bitPattern: firstArrival), UInt64(bitPattern: lastArrival), XXH64.hash(raw),
      XXH64.hash(columns),
    ]
    var bytes: [UInt8] = []
    bytes.reserveCapacity(64)
    for index in words.indices { bytes.append(littleEndian: words[index]) }
    return XXH64.hash(bytes, from: 0)
  }
}
