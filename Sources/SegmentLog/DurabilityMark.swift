internal import Bytes

/// A note that the log is on disk up to a place, written and synced shortly after each sync.
///
/// It tells rot in a block that was synced from a write that a crash tore. A mark may lag behind
/// the log; it is never ahead of it. Layout in the article <doc:SegmentFormat>.
public struct DurabilityMark: Sendable, Hashable {
  /// The end of the log at the last sync that the mark knows of.
  public var end: ChainPoint

  /// Bytes of a mark.
  public static let byteCount = 32
  /// The first four bytes, "WBMK".
  public static let magic: UInt32 = 0x4B4D_4257

  static let version: UInt32 = 1

  /// A mark for a synced place.
  public init(end: ChainPoint) { self.end = end }

  /// Appends the 32 bytes.
  public func encode(into output: inout [UInt8]) {
    let before = output.count
    output.append(littleEndian: Self.magic)
    output.append(littleEndian: Self.version)
    output.append(littleEndian: end.position.rawValue)
    output.append(littleEndian: end.chain)
    let checksum = XXH64.hash(output, from: before)
    output.append(littleEndian: checksum)
  }

  /// The mark in a file of exactly 32 bytes.
  ///
  /// - Throws: ``SegmentError`` without a segment number if the length, magic, version or checksum
  ///   is wrong.
  public init(parsing bytes: RawSpan) throws(SegmentError) {
    func check(
      _ fault: SegmentError.Fault, expected: UInt64, found: UInt64
    ) throws(SegmentError) {
      guard expected == found else {
        throw SegmentError(fault, segment: nil, offset: 0, expected: expected, found: found)
      }
    }
    try check(.truncated, expected: UInt64(Self.byteCount), found: UInt64(bytes.byteCount))
    try check(
      .magic, expected: UInt64(Self.magic), found: UInt64(bytes.integer(at: 0, as: UInt32.self)))
    try check(
      .version, expected: UInt64(Self.version),
      found: UInt64(bytes.integer(at: 4, as: UInt32.self)))
    try check(
      .checksum, expected: XXH64.hash(bytes.extracting(0..<24)), found: bytes.integer(at: 24))
    end = ChainPoint(
      position: LogPosition(bytes.integer(at: 8)), chain: bytes.integer(at: 16))
  }
}
