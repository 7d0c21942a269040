/// Reads the blocks of one segment in order.
///
/// ```swift
/// var reader = try SegmentReader(bytes, segment: 7)
/// while let block = try reader.next() { … }
/// ```
///
/// Every block handed out has passed its checksum, continues the chain, and starts at the position
/// where the one before ended.
public struct SegmentReader: ~Copyable, ~Escapable {
  /// The segment's header.
  public let header: SegmentHeader
  /// Byte offset behind the last block that was handed out.
  public private(set) var offset: Int
  /// The log's place behind that block.
  public private(set) var end: ChainPoint

  private let bytes: RawSpan

  /// Reads the header of a segment.
  ///
  /// - Parameters:
  ///   - bytes: the whole segment file.
  ///   - segment: the number in the file's name.
  ///   - previous: the end of the segment before it, which must be this one's start; nil for the
  ///     first segment that is retained.
  /// - Throws: ``SegmentError`` if the header is bad or does not continue `previous`.
  @_lifetime(copy bytes)
  public init(
    _ bytes: RawSpan, segment: UInt64, after previous: ChainPoint? = nil
  ) throws(SegmentError) {
    let header = try SegmentHeader(parsing: bytes, segment: segment)
    if let previous {
      try Self.check(header.start, continues: previous, segment: segment, offset: 0)
    }
    self.bytes = bytes
    self.header = header
    offset = SegmentHeader.byteCount
    end = header.start
  }

  /// The next block, or nil where the segment ends cleanly: at the end of the bytes, or where
  /// nothing but zeros follows.
  ///
  /// - Throws: ``SegmentError`` for anything else. The reader stays where it is: ``offset`` and
  ///   ``end`` say what is valid.
  @_lifetime(copy self)
  public mutating func next() throws(SegmentError) -> SegmentBlock? {
    if bytes.isZero(from: offset) { return nil }
    let found = try BlockHeader(parsing: bytes, at: offset, segment: header.number)
    try Self.check(found.start, continues: end, segment: header.number, offset: offset)
    let block = SegmentBlock(
      header: found, bytes: bytes, offset: offset, segment: header.number)
    offset += found.blockByteCount
    end = found.end
    return block
  }

  private static func check(
    _ start: ChainPoint, continues previous: ChainPoint, segment: UInt64, offset: Int
  ) throws(SegmentError) {
    guard start.chain == previous.chain else {
      throw SegmentError(
        .chain, segment: segment, offset: offset, expected: previous.chain, found: start.chain)
    }
    guard start.position == previous.position else {
      throw SegmentError(
        .position, segment: segment, offset: offset, expected: previous.position.rawValue,
        found: start.position.rawValue)
    }
  }
}
