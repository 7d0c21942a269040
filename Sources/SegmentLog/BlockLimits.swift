/// How large a block of format version 1 may be.
///
/// A reader checks them before it allocates anything; a sealer never exceeds them.
public enum BlockLimits {
  /// Entries in one block.
  public static let maximumEntryCount = 1 << 20
  /// Bytes of the raw section: 2²⁰ keys of 16 bytes, doubled.
  public static let maximumRawLength = 1 << 25
  /// Bytes of the columns before compression.
  public static let maximumColumnsLength = 1 << 26
  /// Bytes of the zstd frame: what zstd needs at most for the longest columns.
  public static let maximumCompressedLength = maximumColumnsLength + maximumColumnsLength >> 8
}
