public import Compression

/// One verified block of a segment, lent from the bytes of the segment.
public struct SegmentBlock: ~Escapable {
  /// The header.
  public let header: BlockHeader
  /// Number of the segment.
  public let segment: UInt64
  /// Byte offset of the block in the segment.
  public let offset: Int
  /// The section that is stored as it is, such as 16-byte keys.
  public let raw: RawSpan

  private let frame: RawSpan

  @_lifetime(copy bytes)
  init(header: BlockHeader, bytes: RawSpan, offset: Int, segment: UInt64) {
    self.header = header
    self.segment = segment
    self.offset = offset
    let rawStart = offset + BlockHeader.byteCount
    let frameStart = rawStart + header.rawLength
    raw = bytes.extracting(rawStart..<frameStart)
    frame = bytes.extracting(frameStart..<(frameStart + header.compressedLength))
  }

  /// Decompresses the columns into a buffer, whose content is replaced and whose capacity stays.
  ///
  /// Not called, nothing is decompressed. No more than the header's `columnsLength` is allocated.
  ///
  /// - Throws: ``SegmentError`` if the frame does not decompress to exactly the stated length, or
  ///   if the content has another hash than the header says; the buffer is then empty.
  public func decompressColumns(
    with decompressor: Decompressor, into buffer: inout [UInt8]
  ) throws(SegmentError) {
    buffer.removeAll(keepingCapacity: true)
    if header.columnsLength > 0 {
      do {
        try decompressor.decompress(frame, limit: header.columnsLength, into: &buffer)
      } catch {
        throw compressionError(found: 0)
      }
      guard buffer.count == header.columnsLength else {
        let found = UInt64(buffer.count)
        buffer.removeAll(keepingCapacity: true)
        throw compressionError(found: found)
      }
    }
    let content = header.contentHash(raw: raw, columns: unsafe buffer.span.bytes)
    guard content == header.content else {
      buffer.removeAll(keepingCapacity: true)
      throw SegmentError(
        .content, segment: segment, offset: offset, expected: header.content, found: content)
    }
  }

  private func compressionError(found: UInt64) -> SegmentError {
    SegmentError(
      .compression, segment: segment, offset: offset, expected: UInt64(header.columnsLength),
      found: found)
  }
}
