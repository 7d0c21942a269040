internal import Bytes
internal import CIntrinsics

/// The keys of one closed generation, or of neighbouring ones that were merged, in a file.
///
/// Its pages stay in the file; the fences and the filter are in memory, 1.6 bytes a key. A run
/// never changes, so any thread may read it.
@safe
public final class SealedRun: @unchecked Sendable {
  /// What the file says about itself.
  public let header: RunHeader
  private let bytes: RunBytes
  /// The position of each page's first key.
  private let fences: TableMemory
  let filter: SplitBlockBloomFilter

  /// Opens a run's file: checks its header, length, fences and filter, and takes those into memory.
  ///
  /// Complexity: O(keys), one and a half bytes read for each.
  ///
  /// - Parameters:
  ///   - bytes: the whole file.
  ///   - number: the number in the file's name.
  /// - Throws: ``RunError``.
  public init(opening bytes: RunBytes, number: UInt64) throws(RunError) {
    let all = bytes.span
    let header = try RunHeader(parsing: all, number: number)
    guard all.byteCount == header.fileByteCount else {
      throw RunError(
        .length, run: number, offset: 0, expected: UInt64(header.fileByteCount),
        found: UInt64(all.byteCount))
    }
    func section(_ offset: Int, _ count: Int, checksum: UInt64) throws(RunError) {
      let found = XXH64.hash(all.extracting(offset..<offset + count))
      guard found == checksum else {
        throw RunError(.checksum, run: number, offset: offset, expected: checksum, found: found)
      }
    }
    let sizes = header.sizes
    bytes.willNeed(sizes.fencesOffset..<sizes.fileByteCount)
    let (fenceBytes, filterBytes) = (sizes.pages * 4, sizes.filterBlocks * 32)
    try section(sizes.fencesOffset, fenceBytes, checksum: header.fencesChecksum)
    try section(sizes.filterOffset, filterBytes, checksum: header.filterChecksum)
    self.header = header
    self.bytes = bytes
    fences = TableMemory(byteCount: fenceBytes)
    fences.copy(all.extracting(sizes.fencesOffset..<sizes.fencesOffset + fenceBytes))
    filter = SplitBlockBloomFilter(
      blocks: all.extracting(sizes.filterOffset..<sizes.filterOffset + filterBytes))
  }

  /// A run whose file was written just now, from the same fences and filter.
  init(
    _ header: RunHeader, bytes: RunBytes, fences: TableMemory, filter: SplitBlockBloomFilter
  ) {
    self.header = header
    self.bytes = bytes
    self.fences = fences
    self.filter = filter
  }

  /// Bytes of memory that it takes beside its file.
  var residentByteCount: Int { fences.mappedBytes + filter.memory.mappedBytes }

  /// The memory that it takes, to be given back in steps once nobody asks it any more.
  var memory: [TableMemory] { [fences, filter.memory] }

  // MARK: Finding a key

  /// The payload of a key, or nil. Reads one page, except for one key in some thousand.
  ///
  /// - Throws: ``RunError`` if the page is damaged.
  func find(_ identity: KeyIdentity) throws(RunError) -> UInt16? {
    var page = page(of: identity.position)
    repeat {
      let keys = try keys(ofPage: page)
      let place = keys.lowerBound(of: identity)
      if place < keys.count {
        let key = keys[place]
        return key.identity == identity ? key.payload : nil
      }
      page &+= 1
    } while page < header.pageCount && fence(page) == identity.position
    return nil
  }

  /// Asks the file for the page that ``find(_:)`` reads.
  func willNeed(_ identity: KeyIdentity) {
    let offset = (1 &+ page(of: identity.position)) &* RunPage.byteCount
    bytes.willNeed(offset..<offset &+ RunPage.byteCount)
  }

  /// The pages from the first one on that a key of this position may stand in.
  func pages(from position: UInt32) -> Range<Int> { page(of: position)..<header.pageCount }

  /// Asks the file for the pages that come next, for who reads them in order: from a file that is
  /// read in no order nothing else would come ahead.
  ///
  /// - Parameters:
  ///   - page: the page that is read next.
  ///   - first: the page that was read first.
  func readAhead(_ page: Int, since first: Int) {
    guard (page &- first).isMultiple(of: Self.pagesAhead) else { return }
    let start = page == first ? page : page &+ Self.pagesAhead
    let end = min(page &+ 2 &* Self.pagesAhead, header.pageCount)
    if start < end {
      bytes.willNeed((1 &+ start) &* RunPage.byteCount..<(1 &+ end) &* RunPage.byteCount)
    }
  }

  /// Pages of a mebibyte.
  private static let pagesAhead = 256

  /// The first page that a key of this position may stand in: the last one that begins lower, or
  /// the first.
  ///
  /// Positions are evenly spread, so the search begins at their share of all pages and takes steps
  /// that double.
  private func page(of position: UInt32) -> Int {
    let guess = scaled(position, to: header.pageCount)
    var (low, high) = (guess, guess &+ 1)
    var step = 1
    while low > 0, fence(low) >= position {
      high = low
      low = max(0, low &- step)
      step &*= 2
    }
    while high < header.pageCount, fence(high) < position {
      low = high
      high = min(header.pageCount, high &+ step)
      step &*= 2
    }
    while high &- low > 1 {
      let middle = (low &+ high) / 2
      if fence(middle) < position { low = middle } else { high = middle }
    }
    return low
  }

  @inline(__always)
  private func fence(_ page: Int) -> UInt32 {
    UInt32(littleEndian: unsafe fences.base.load(fromByteOffset: page &* 4, as: UInt32.self))
  }

  /// The keys of a page, checked.
  @_lifetime(borrow self)
  func keys(ofPage page: Int) throws(RunError) -> PageKeys {
    let offset = (1 &+ page) &* RunPage.byteCount
    let part = unsafe bytes.pointers(offset..<offset &+ RunPage.byteCount)
    let content = unsafe _overrideLifetime(unsafe part.bytes, borrowing: self)
    func check(_ fault: RunError.Fault, expected: UInt64, found: UInt64) throws(RunError) {
      guard expected == found else {
        throw RunError(
          fault, run: header.number, offset: offset, expected: expected, found: found)
      }
    }
    try check(
      .checksum, expected: content.integer(at: 0),
      found: XXH64.hash(content.extracting(8..<RunPage.byteCount)))
    let count = min(RunPage.keyCount, header.keyCount &- page &* RunPage.keyCount)
    try check(
      .page, expected: UInt64(page &+ 1), found: UInt64(content.integer(at: 8) as UInt32))
    try check(
      .pageCount, expected: UInt64(count), found: UInt64(content.integer(at: 12) as UInt32))
    let keys = PageKeys(content, count: count)
    try check(
      .fence, expected: UInt64(fence(page)), found: UInt64(keys[0].identity.position))
    return keys
  }
}

/// The keys of one page of a run, lent from its file.
struct PageKeys: ~Escapable {
  let count: Int
  private let page: RawSpan

  @_lifetime(copy page)
  init(_ page: RawSpan, count: Int) {
    self.page = page
    self.count = count
  }

  @inline(__always)
  subscript(place: Int) -> SealedKey {
    SealedKey(bits: page.integer(at: RunPage.headerByteCount &+ place &* 16))
  }

  /// The first place whose key is not lower.
  func lowerBound(of identity: KeyIdentity) -> Int {
    var (low, high) = (0, count)
    while low < high {
      let middle = (low &+ high) / 2
      if self[middle].identity < identity { low = middle &+ 1 } else { high = middle }
    }
    return low
  }
}
