internal import Bytes

/// Whose keys stand in a run.
public struct RunOwner: Sendable, Hashable {
  /// The id of the installation, its first byte in the lowest bits.
  public var installation: UInt128
  /// The fingerprint of the secret that keys are hashed with.
  public var secretFingerprint: UInt64
  /// The partition, below ``partitionCount``.
  public var partition: UInt16
  /// How many partitions the installation has, at least 1.
  public var partitionCount: UInt16

  /// Whose keys stand in a run.
  public init(
    installation: UInt128, secretFingerprint: UInt64, partition: UInt16, partitionCount: UInt16
  ) {
    self.installation = installation
    self.secretFingerprint = secretFingerprint
    self.partition = partition
    self.partitionCount = partitionCount
  }
}

/// The end of a block of the log.
public struct LogPlace: Sendable, Hashable {
  /// Entries before it.
  public var position: UInt64
  /// The content hash of the block.
  public var chain: UInt64

  /// The end of a block of the log.
  public init(position: UInt64, chain: UInt64) {
    self.position = position
    self.chain = chain
  }
}

/// Which part of the log a run has the keys of, and when they arrived.
public struct RunSpan: Sendable, Hashable {
  /// Where it begins: the ``through`` of the run before.
  public var from: LogPlace
  /// Where the log is read on after the run.
  public var through: LogPlace
  /// The ``end`` of the run before, which may lie in the block behind ``from``.
  public var start: UInt64
  /// The keys of all records between ``start`` and here are in the run, and none of a record at
  /// this position or behind it.
  public var end: UInt64
  /// The arrival of the last key of the generation before, the least value if there was none.
  public var after: Int64
  /// The arrival of the first key, in milliseconds.
  public var firstArrival: Int64
  /// The arrival of the last key, in milliseconds.
  public var lastArrival: Int64

  /// The span of a run.
  ///
  /// - Parameter start: that of ``from`` if nil.
  public init(
    from: LogPlace, through: LogPlace, start: UInt64? = nil, end: UInt64, after: Int64,
    firstArrival: Int64, lastArrival: Int64
  ) {
    self.from = from
    self.through = through
    self.start = start ?? from.position
    self.end = end
    self.after = after
    self.firstArrival = firstArrival
    self.lastArrival = lastArrival
  }

  /// Whether a span begins where this one ends.
  ///
  /// A place alone does not tell: several generations may close within one block.
  func isFollowed(by next: RunSpan) -> Bool { through == next.from && end == next.start }

  /// The span of neighbouring runs together, the older one first.
  func joined(_ next: RunSpan) -> RunSpan {
    RunSpan(
      from: from, through: next.through, start: start, end: next.end, after: after,
      firstArrival: firstArrival, lastArrival: next.lastArrival)
  }
}

/// The first page of a run's file: whose keys it has, from which part of the log, and what the file
/// consists of.
///
/// Layout in the article <doc:RunFormat>.
public struct RunHeader: Sendable, Hashable {
  /// Whose keys.
  public var owner: RunOwner
  /// The number of the run, the same as in its name.
  public var number: UInt64
  /// From which part of the log.
  public var span: RunSpan
  /// Keys in the run, at least 1.
  public var keyCount: Int
  /// Blocks of the run's filter, at least 1.
  public var filterBlockCount: Int
  var fencesChecksum: UInt64
  var filterChecksum: UInt64

  static let magic: UInt32 = 0x4E52_4257
  static let version: UInt8 = 1
  /// Keys of a run, and blocks of its filter, at most.
  static let maximumCount = 1 << 40

  /// What the file consists of.
  struct Sizes {
    /// Pages with keys.
    let pages: Int
    let filterBlocks: Int

    /// Where the fences begin in the file.
    var fencesOffset: Int { (1 + pages) * RunPage.byteCount }
    /// Where the filter begins.
    var filterOffset: Int { fencesOffset + RunPage.roundedUp(pages * 4) }
    var fileByteCount: Int { filterOffset + RunPage.roundedUp(filterBlocks * 32) }
  }

  var sizes: Sizes { Sizes(pages: pageCount, filterBlocks: filterBlockCount) }
  /// Pages with keys.
  var pageCount: Int { (keyCount + RunPage.keyCount - 1) / RunPage.keyCount }
  /// Bytes of the file.
  public var fileByteCount: Int { sizes.fileByteCount }

  /// The first page of the file.
  func encoded() -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(RunPage.byteCount)
    bytes.append(littleEndian: Self.magic)
    bytes.append(littleEndian: UInt32(Self.version))
    bytes.append(littleEndian: owner.installation)
    bytes.append(littleEndian: owner.secretFingerprint)
    bytes.append(littleEndian: owner.partition)
    bytes.append(littleEndian: owner.partitionCount)
    bytes.append(littleEndian: UInt32(span.start - span.from.position))
    bytes.append(littleEndian: number)
    for place in [span.from, span.through] {
      bytes.append(littleEndian: place.position)
      bytes.append(littleEndian: place.chain)
    }
    bytes.append(littleEndian: span.end)
    for arrival in [span.after, span.firstArrival, span.lastArrival] {
      bytes.append(littleEndian: arrival)
    }
    bytes.append(littleEndian: UInt64(keyCount))
    bytes.append(littleEndian: UInt64(filterBlockCount))
    bytes.append(littleEndian: fencesChecksum)
    bytes.append(littleEndian: filterChecksum)
    let checksum = XXH64.hash(bytes, from: 0)
    bytes.append(littleEndian: checksum)
    bytes.append(contentsOf: repeatElement(0, count: RunPage.byteCount - bytes.count))
    return bytes
  }

  private static let checksumOffset = 144
}

extension RunHeader {
  /// The header of a run's file.
  ///
  /// - Parameters:
  ///   - bytes: the file, or at least its first page.
  ///   - number: the number in the file's name.
  /// - Throws: ``RunError`` if the header is cut off, of another version, damaged, of another run,
  ///   or contradicts itself.
  public init(parsing bytes: RawSpan, number: UInt64) throws(RunError) {
    func check(_ fault: RunError.Fault, expected: UInt64, found: UInt64) throws(RunError) {
      guard expected == found else {
        throw RunError(fault, run: number, offset: 0, expected: expected, found: found)
      }
    }
    guard bytes.byteCount >= RunPage.byteCount else {
      throw RunError(
        .length, run: number, offset: 0, expected: UInt64(RunPage.byteCount),
        found: UInt64(bytes.byteCount))
    }
    try check(.magic, expected: UInt64(Self.magic), found: UInt64(bytes.integer(at: 0) as UInt32))
    try check(
      .version, expected: UInt64(Self.version), found: UInt64(bytes.integer(at: 4) as UInt32))
    try check(
      .checksum, expected: XXH64.hash(bytes.extracting(0..<Self.checksumOffset)),
      found: bytes.integer(at: Self.checksumOffset))
    owner = RunOwner(
      installation: bytes.integer(at: 8), secretFingerprint: bytes.integer(at: 24),
      partition: bytes.integer(at: 32), partitionCount: bytes.integer(at: 34))
    self.number = bytes.integer(at: 40)
    let from = LogPlace(position: bytes.integer(at: 48), chain: bytes.integer(at: 56))
    span = RunSpan(
      from: from,
      through: LogPlace(position: bytes.integer(at: 64), chain: bytes.integer(at: 72)),
      start: from.position &+ UInt64(bytes.integer(at: 36) as UInt32),
      end: bytes.integer(at: 80), after: bytes.integer(at: 88),
      firstArrival: bytes.integer(at: 96), lastArrival: bytes.integer(at: 104))
    let counts: (keys: UInt64, blocks: UInt64) = (bytes.integer(at: 112), bytes.integer(at: 120))
    fencesChecksum = bytes.integer(at: 128)
    filterChecksum = bytes.integer(at: 136)
    try check(.number, expected: number, found: self.number)
    let limit = UInt64(Self.maximumCount)
    for count in [counts.keys, counts.blocks] where count == 0 || count > limit {
      throw RunError(.count, run: number, offset: 0, expected: limit, found: count)
    }
    keyCount = Int(counts.keys)
    filterBlockCount = Int(counts.blocks)
    let isInOrder =
      span.from.position <= span.through.position && span.through.position <= span.end
      && span.from.position <= span.start && span.start <= span.end
      && span.after <= span.firstArrival && span.firstArrival <= span.lastArrival
    // No sum of such arrivals and a window overflows.
    let areTimes = span.firstArrival >= .min / 4 && span.lastArrival <= .max / 4
    // The next run tells in 32 bits how far behind `through` it starts.
    guard isInOrder, areTimes, span.end - span.through.position <= UInt32.max else {
      throw RunError(
        .span, run: number, offset: 48, expected: span.from.position, found: span.end)
    }
  }
}
