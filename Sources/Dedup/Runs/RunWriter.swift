internal import Bytes

/// Writes the file of a run: its keys in ascending order, then fences and filter, then the header.
struct RunWriter: ~Copyable {
  /// Bytes of pages that are handed to the file together.
  private static let stepByteCount = 64 * RunPage.byteCount

  private let number: UInt64
  private let file: any RunFile
  private let fences: TableMemory
  private let filter: SplitBlockBloomFilter
  /// Pages that are not handed over yet, and how many bytes they have.
  private let pages = TableMemory(byteCount: stepByteCount)
  private var filled = 0
  private var pageCount = 0
  private var keyCount = 0

  /// Begins the file of a run.
  ///
  /// - Parameters:
  ///   - number: the run's number.
  ///   - maximumKeys: how many keys it gets at most.
  init(
    _ number: UInt64, maximumKeys: Int, filterBitsPerKey: Int, in store: any RunStore
  ) throws {
    self.number = number
    let pageLimit = (maximumKeys + RunPage.keyCount - 1) / RunPage.keyCount
    filter = SplitBlockBloomFilter(capacity: maximumKeys, bitsPerKey: filterBitsPerKey)
    fences = TableMemory(byteCount: pageLimit * 4)
    let largest = RunHeader.Sizes(pages: pageLimit, filterBlocks: filter.blockCount)
    file = try store.begin(number, byteCount: largest.fileByteCount)
  }

  /// Appends a key that is higher than the ones before.
  mutating func append(_ key: SealedKey) throws {
    if keyCount.isMultiple(of: RunPage.keyCount) {
      if keyCount > 0 { try endPage() }
      beginPage(key.identity.position)
    }
    pages.store(key.bits.littleEndian, at: filled)
    filled &+= 16
    filter.insert(position: key.identity.position, bits: key.identity.tag)
    keyCount &+= 1
  }

  /// Writes what is left, and the header: the file has its name then, and is on stable storage.
  ///
  /// A run without keys is a bug.
  consuming func finish(_ owner: RunOwner, span logSpan: RunSpan) throws -> SealedRun {
    precondition(keyCount > 0, "BUG: a run without keys")
    try endPage()
    try submit()
    let fenceBytes = fences.bytes.extracting(0..<pageCount * 4)
    let filterMemory = filter.memory
    let filterBytes = filterMemory.bytes.extracting(0..<filter.byteCount)
    let header = RunHeader(
      owner: owner, number: number, span: logSpan, keyCount: keyCount,
      filterBlockCount: filter.blockCount, fencesChecksum: XXH64.hash(fenceBytes),
      filterChecksum: XXH64.hash(filterBytes))
    try append(section: fenceBytes)
    try append(section: filterBytes)
    let page = header.encoded()
    let span = page.span
    let bytes = try file.seal(header: unsafe span.bytes)
    return SealedRun(header, bytes: bytes, fences: fences, filter: filter)
  }

  private mutating func beginPage(_ position: UInt32) {
    fences.store(position.littleEndian, at: pageCount * 4)
    pageCount += 1
    filled += RunPage.headerByteCount
  }

  /// Fills the last page up with zeros and gives it its header.
  private mutating func endPage() throws {
    while !filled.isMultiple(of: RunPage.byteCount) {
      pages.store(UInt128(0), at: filled)
      filled += 16
    }
    let start = filled - RunPage.byteCount
    let count = (keyCount - 1) % RunPage.keyCount + 1
    pages.store(UInt32(pageCount).littleEndian, at: start + 8)
    pages.store(UInt32(count).littleEndian, at: start + 12)
    let checksum = XXH64.hash(pages.bytes.extracting(start + 8..<filled))
    pages.store(checksum.littleEndian, at: start)
    if filled == Self.stepByteCount { try submit() }
  }

  private mutating func submit() throws {
    try file.append(pages.bytes.extracting(0..<filled))
    filled = 0
  }

  /// Appends a section and zeros up to the end of its last page, in steps like those of the pages:
  /// a sync of the log beside it waits for what the disk has in hand.
  private func append(section: RawSpan) throws {
    var done = 0
    while done < section.byteCount {
      let end = min(done + Self.stepByteCount, section.byteCount)
      try file.append(section.extracting(done..<end))
      done = end
    }
    let rest = RunPage.roundedUp(section.byteCount) - section.byteCount
    let zeros = [UInt8](repeating: 0, count: rest)
    let span = zeros.span
    if rest > 0 { try file.append(unsafe span.bytes) }
  }
}
