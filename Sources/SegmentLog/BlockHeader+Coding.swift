internal import Bytes

extension BlockHeader {
  /// Appends the 80 bytes with a checksum of zero, which the encoder fills in.
  func encodeWithoutChecksum(into output: inout [UInt8]) {
    output.append(littleEndian: Self.magic)
    output.append(littleEndian: UInt32(Self.version))
    output.append(littleEndian: UInt64(0))
    output.append(littleEndian: start.chain)
    output.append(littleEndian: start.position.rawValue)
    output.append(littleEndian: firstArrival)
    output.append(littleEndian: lastArrival)
    output.append(littleEndian: UInt32(entryCount))
    output.append(littleEndian: UInt32(rawLength))
    output.append(littleEndian: UInt32(columnsLength))
    output.append(littleEndian: UInt32(compressedLength))
    output.append(littleEndian: UInt64(kind.rawValue))
    output.append(littleEndian: content)
  }

  /// The header of the block at an offset of a segment file, with the whole block verified.
  ///
  /// Checks go from the outside in: magic, version, reserved bytes, lengths against the limits and
  /// the file, checksum, and then the fields that the checksum vouches for.
  ///
  /// - Parameters:
  ///   - bytes: the segment file.
  ///   - offset: where the block starts, inside the file or at its end.
  ///   - segment: the number of the segment, for errors.
  init(parsing bytes: RawSpan, at offset: Int, segment: UInt64) throws(SegmentError) {
    let block = bytes.extracting(offset..<bytes.byteCount)
    func check(
      _ holds: Bool, _ fault: SegmentError.Fault, expected: UInt64, found: UInt64
    ) throws(SegmentError) {
      guard holds else {
        throw SegmentError(
          fault, segment: segment, offset: offset, expected: expected, found: found)
      }
    }
    try check(
      block.byteCount >= Self.byteCount, .truncated, expected: UInt64(Self.byteCount),
      found: UInt64(block.byteCount))
    let magic: UInt32 = block.integer(at: 0)
    try check(magic == Self.magic, .magic, expected: UInt64(Self.magic), found: UInt64(magic))
    let version: UInt8 = block.integer(at: 4)
    try check(
      version == Self.version, .version, expected: UInt64(Self.version), found: UInt64(version))
    let reserved = block.integer(at: 4, as: UInt32.self) >> 8
    try check(reserved == 0, .reserved, expected: 0, found: UInt64(reserved))

    let lengths = try Self.lengths(of: block, segment: segment, offset: offset)
    rawLength = lengths.raw
    columnsLength = lengths.columns
    compressedLength = lengths.compressed
    checksum = block.integer(at: Self.checksumOffset)
    let whole = Self.byteCount + lengths.raw + lengths.compressed
    let computed = XXH64.hash(block.extracting(Self.checksummedOffset..<whole))
    try check(checksum == computed, .checksum, expected: checksum, found: computed)

    start = ChainPoint(
      position: LogPosition(block.integer(at: 24)), chain: block.integer(at: 16))
    firstArrival = block.integer(at: 32)
    lastArrival = block.integer(at: 40)
    let entries: UInt32 = block.integer(at: 48)
    entryCount = Int(entries)
    content = block.integer(at: 72)
    let kindValue: UInt64 = block.integer(at: 64)
    let known = UInt8(exactly: kindValue).flatMap(BlockKind.init(rawValue:))
    kind = known ?? .control
    try check(
      known != nil, .kind, expected: UInt64(BlockKind.usage.rawValue), found: kindValue)
    try check(
      (1...BlockLimits.maximumEntryCount).contains(entryCount), .entryCount,
      expected: UInt64(BlockLimits.maximumEntryCount), found: UInt64(entries))
    try check(
      firstArrival <= lastArrival, .arrival, expected: UInt64(bitPattern: firstArrival),
      found: UInt64(bitPattern: lastArrival))
    let room = UInt64.max - start.position.rawValue
    try check(UInt64(entries) <= room, .position, expected: room, found: UInt64(entries))
  }

  /// The three lengths, checked against the limits, each other, and the bytes that are there.
  private static func lengths(
    of block: RawSpan, segment: UInt64, offset: Int
  ) throws(SegmentError) -> (raw: Int, columns: Int, compressed: Int) {
    func length(_ field: Int, limit: Int) throws(SegmentError) -> Int {
      let value: UInt32 = block.integer(at: field)
      guard value <= limit else {
        throw SegmentError(
          .length, segment: segment, offset: offset, expected: UInt64(limit),
          found: UInt64(value))
      }
      return Int(value)
    }
    let raw = try length(52, limit: BlockLimits.maximumRawLength)
    let columns = try length(56, limit: BlockLimits.maximumColumnsLength)
    let compressed = try length(compressedLengthOffset, limit: BlockLimits.maximumCompressedLength)
    guard (columns == 0) == (compressed == 0) else {
      throw SegmentError(
        .length, segment: segment, offset: offset, expected: UInt64(columns),
        found: UInt64(compressed))
    }
    let whole = byteCount + raw + compressed
    guard whole <= block.byteCount else {
      throw SegmentError(
        .truncated, segment: segment, offset: offset, expected: UInt64(whole),
        found: UInt64(block.byteCount))
    }
    return (raw, columns, compressed)
  }
}
