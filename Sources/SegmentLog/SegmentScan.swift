/// What to do with the last segment of a log before it is read.
public enum RepairDecision: Sendable, Hashable {
  /// Every byte belongs to a valid block or is a zero of the preallocated rest.
  case intact
  /// A torn write ends the segment, and nothing of it was acknowledged: keep a copy of the bytes
  /// from this offset to ``SegmentScan/contentLength``, cut the file there, go on. Offset 0 means
  /// that the segment never got as far as its header.
  case truncate(at: Int, found: SegmentError)
  /// Synced bytes are gone or changed: stop, tell the operator, change nothing.
  case damaged(SegmentError)
}

/// One pass over the last segment of a log: how far it is valid, and what stands behind.
///
/// Only the last segment can have a torn tail. Any error that a ``SegmentReader`` finds in another
/// segment is damage.
public struct SegmentScan: Sendable, Hashable {
  /// What to do.
  public private(set) var decision: RepairDecision
  /// The end of the last valid block; nil if the segment's own header is bad.
  public private(set) var end: ChainPoint?
  /// Bytes up to the end of the last valid block, or 0.
  public private(set) var validLength: Int
  /// Bytes up to the last one that is not zero.
  public let contentLength: Int
  /// Valid blocks.
  public private(set) var blockCount: Int

  /// Reads every block of the last segment, without decompression.
  ///
  /// Complexity: linear in the bytes, at the speed of the checksum.
  ///
  /// - Parameters:
  ///   - bytes: the whole segment file.
  ///   - segment: the number in the file's name.
  ///   - previous: the end of the segment before it; nil if there is none.
  ///   - mark: the durability mark; nil if none was ever written.
  public init(
    ofLast bytes: RawSpan, segment: UInt64, after previous: ChainPoint? = nil,
    mark: DurabilityMark?
  ) {
    decision = .intact
    end = nil
    validLength = 0
    blockCount = 0
    contentLength = Self.contentLength(of: bytes)
    do {
      try read(bytes, segment: segment, after: previous, mark: mark)
    } catch {
      decision = judge(error, after: previous, mark: mark)
    }
    if decision == .intact, let missing = missingMark(mark, segment: segment) {
      decision = .damaged(missing)
    }
  }

  /// Bytes of a segment file up to the last one that is not zero; what is behind it was allocated
  /// and not written yet.
  ///
  /// Complexity: linear in the zeros at the end.
  public static func contentLength(of bytes: RawSpan) -> Int { bytes.contentLength }

  /// Follows the chain to its end; stops early where it contradicts the mark.
  private mutating func read(
    _ bytes: RawSpan, segment: UInt64, after previous: ChainPoint?, mark: DurabilityMark?
  ) throws(SegmentError) {
    var reader = try SegmentReader(bytes, segment: segment, after: previous)
    try advance(to: reader.end, at: reader.offset, segment: segment, mark: mark)
    while let block = try reader.next() {
      blockCount += 1
      try advance(
        to: block.header.end, at: block.offset + block.header.blockByteCount, segment: segment,
        mark: mark)
    }
  }

  private mutating func advance(
    to place: ChainPoint, at offset: Int, segment: UInt64, mark: DurabilityMark?
  ) throws(SegmentError) {
    let before = end
    end = place
    validLength = offset
    guard let mark else { return }
    if place.position == mark.end.position, place.chain != mark.end.chain {
      throw SegmentError(
        .markChain, segment: segment, offset: offset, expected: mark.end.chain,
        found: place.chain)
    }
    if let before, before.position < mark.end.position, mark.end.position < place.position {
      throw SegmentError(
        .markPosition, segment: segment, offset: offset,
        expected: mark.end.position.rawValue, found: place.position.rawValue)
    }
  }

  /// Whether an error can come from a torn write that nobody was told about.
  private func judge(
    _ error: SegmentError, after previous: ChainPoint?, mark: DurabilityMark?
  ) -> RepairDecision {
    guard error.mayBeTorn else { return .damaged(error) }
    let reached = (end ?? previous ?? .beginning).position
    if let mark, reached < mark.end.position { return .damaged(error) }
    // The header is synced before the first block is written, so blocks behind a bad header are
    // not a torn write.
    if end == nil, contentLength > SegmentHeader.byteCount { return .damaged(error) }
    return .truncate(at: validLength, found: error)
  }

  /// The error of a log that ends cleanly before the place that was synced.
  private func missingMark(_ mark: DurabilityMark?, segment: UInt64) -> SegmentError? {
    guard let mark, let end, end.position < mark.end.position else { return nil }
    return SegmentError(
      .markPosition, segment: segment, offset: validLength,
      expected: mark.end.position.rawValue, found: end.position.rawValue)
  }
}

extension SegmentError {
  /// Whether a write that a crash cut off can look like this.
  ///
  /// Bytes with a right checksum were written as they are: what is wrong in them is not a tear.
  /// Neither is another version, which a newer program wrote; zeros are no version.
  var mayBeTorn: Bool {
    switch fault {
    case .truncated, .magic, .reserved, .length, .checksum: true
    case .version: found == 0
    default: false
    }
  }
}
