internal import Bytes

/// The first 80 bytes of a segment file: whose log it is, and where it starts.
///
/// Layout in the article <doc:SegmentFormat>.
public struct SegmentHeader: Sendable, Hashable {
  /// The id of the installation, its first byte in the lowest bits.
  public var installation: UInt128
  /// The fingerprint of the secret that keys are hashed with.
  public var secretFingerprint: UInt64
  /// The partition, below ``partitionCount``.
  public var partition: UInt16
  /// How many partitions the installation has, at least 1.
  public var partitionCount: UInt16
  /// The number of the segment, the same as in its name.
  public var number: UInt64
  /// Where the segment starts: the end of the segment before it.
  public var start: ChainPoint
  /// When it was created, in ms UTC.
  public var createdAt: Int64

  /// Bytes of a segment header.
  public static let byteCount = 80
  /// The first four bytes of a segment file, "WBSG".
  public static let magic: UInt32 = 0x4753_4257

  static let version: UInt8 = 1

  /// The header of a segment.
  public init(
    installation: UInt128, secretFingerprint: UInt64, partition: UInt16, partitionCount: UInt16,
    number: UInt64, start: ChainPoint, createdAt: Int64
  ) {
    self.installation = installation
    self.secretFingerprint = secretFingerprint
    self.partition = partition
    self.partitionCount = partitionCount
    self.number = number
    self.start = start
    self.createdAt = createdAt
  }

  /// Appends the 80 bytes.
  ///
  /// A partition that is not below the partition count is a bug of the caller.
  public func encode(into output: inout [UInt8]) {
    precondition(partition < partitionCount, "BUG: partition \(partition) of \(partitionCount)")
    let before = output.count
    output.append(littleEndian: Self.magic)
    output.append(littleEndian: UInt32(Self.version))
    output.append(littleEndian: installation)
    output.append(littleEndian: secretFingerprint)
    output.append(littleEndian: number)
    output.append(littleEndian: start.position.rawValue)
    output.append(littleEndian: start.chain)
    output.append(littleEndian: createdAt)
    output.append(littleEndian: partition)
    output.append(littleEndian: partitionCount)
    output.append(littleEndian: UInt32(0))
    let checksum = XXH64.hash(output, from: before)
    output.append(littleEndian: checksum)
  }

  /// The header at the start of a segment file.
  ///
  /// - Parameters:
  ///   - bytes: the file, or at least its first 80 bytes.
  ///   - segment: the number in the file's name.
  /// - Throws: ``SegmentError`` if the header is cut off, of another version, damaged, or of
  ///   another segment.
  public init(parsing bytes: RawSpan, segment: UInt64) throws(SegmentError) {
    func check(
      _ fault: SegmentError.Fault, expected: UInt64, found: UInt64
    ) throws(SegmentError) {
      guard expected == found else {
        throw SegmentError(fault, segment: segment, offset: 0, expected: expected, found: found)
      }
    }
    guard bytes.byteCount >= Self.byteCount else {
      throw SegmentError(
        .truncated, segment: segment, offset: 0, expected: UInt64(Self.byteCount),
        found: UInt64(bytes.byteCount))
    }
    try check(
      .magic, expected: UInt64(Self.magic), found: UInt64(bytes.integer(at: 0, as: UInt32.self)))
    try check(
      .version, expected: UInt64(Self.version), found: UInt64(bytes.integer(at: 4, as: UInt8.self)))
    try check(
      .checksum, expected: XXH64.hash(bytes.extracting(0..<72)), found: bytes.integer(at: 72))
    let reserved =
      UInt64(bytes.integer(at: 68, as: UInt32.self)) << 32
      | UInt64(bytes.integer(at: 4, as: UInt32.self) >> 8)
    try check(.reserved, expected: 0, found: reserved)
    installation = bytes.integer(at: 8)
    secretFingerprint = bytes.integer(at: 24)
    number = bytes.integer(at: 32)
    start = ChainPoint(
      position: LogPosition(bytes.integer(at: 40)), chain: bytes.integer(at: 48))
    createdAt = bytes.integer(at: 56)
    partition = bytes.integer(at: 64)
    partitionCount = bytes.integer(at: 66)
    try check(.number, expected: segment, found: number)
    guard partition < partitionCount else {
      throw SegmentError(
        .partition, segment: segment, offset: 0, expected: UInt64(partitionCount),
        found: UInt64(partition))
    }
  }
}
