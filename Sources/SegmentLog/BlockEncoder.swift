internal import Bytes
public import Compression

/// Makes the bytes of blocks: compresses and checksums.
///
/// One thread uses an encoder at a time.
public final class BlockEncoder {
  private let compressor: Compressor

  /// An encoder.
  ///
  /// - Parameter level: the zstd level, one of ``Compression/Compressor/levels``.
  public init(level: Int = Compressor.defaultLevel) { compressor = Compressor(level: level) }

  /// Appends the bytes of one block.
  ///
  /// Complexity: linear in the lengths; no copy of `raw` or of the frame beyond the one into
  /// `output`.
  ///
  /// - Parameters:
  ///   - sealed: the header as ``BlockSealer`` made it.
  ///   - raw: what it was made of.
  ///   - columns: what it was made of.
  ///   - output: where the block's bytes are appended.
  /// - Returns: the header as it stands there, with the length of the frame and the checksum.
  @discardableResult
  public func append(
    _ sealed: BlockHeader, raw: RawSpan, columns: RawSpan, to output: inout [UInt8]
  ) -> BlockHeader {
    precondition(
      raw.byteCount == sealed.rawLength && columns.byteCount == sealed.columnsLength,
      "BUG: a block is encoded with another content than it was sealed with")
    let before = output.count
    var header = sealed
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
    return header
  }
}
