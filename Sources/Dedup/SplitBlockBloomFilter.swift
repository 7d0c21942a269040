internal import CIntrinsics

/// A set that answers "certainly not" or "maybe", with one cache line for each question.
///
/// A split-block Bloom filter as in the Apache Parquet format specification: 32 bits choose a block
/// of 256 bits, 32 further bits set one bit in each of its eight words. The ones that choose a
/// block are the position, which keeps the order of identities, so that filling it from a run is
/// sequential.
@safe
final class SplitBlockBloomFilter {
  let blockCount: Int
  /// Keys that it was made for.
  let capacity: Int
  let memory: TableMemory
  /// Keys that were inserted, again and again counted.
  private(set) var insertedCount = 0

  /// An empty filter for this many keys.
  init(capacity: Int, bitsPerKey: Int) {
    self.capacity = capacity
    blockCount = max(1, (capacity * bitsPerKey + 255) / 256)
    memory = TableMemory(byteCount: blockCount * 32)
  }

  /// A filter from its blocks, with this many keys in it.
  init(blocks: RawSpan, keys: Int) {
    capacity = keys
    insertedCount = keys
    blockCount = blocks.byteCount / 32
    memory = TableMemory(byteCount: blocks.byteCount)
    memory.copy(blocks)
  }

  /// Bytes of its blocks, the first ones of ``memory``.
  var byteCount: Int { blockCount * 32 }

  @inline(__always)
  private func block(_ position: UInt32) -> UnsafeMutablePointer<UInt32> {
    let index = scaled(position, to: blockCount)
    return unsafe memory.base.assumingMemoryBound(to: UInt32.self) + index &* 8
  }

  /// The bit that a key sets in one word of its block, by the salt of the specification.
  @inline(__always)
  private static func bit(_ bits: UInt32, _ salt: UInt32) -> UInt32 {
    1 &<< ((bits &* salt) &>> 27)
  }

  /// Adds a key.
  @inline(__always)
  func insert(position: UInt32, bits: UInt32) {
    let block = unsafe block(position)
    unsafe block[0] |= Self.bit(bits, 0x47b6_137b)
    unsafe block[1] |= Self.bit(bits, 0x4497_4d91)
    unsafe block[2] |= Self.bit(bits, 0x8824_ad5b)
    unsafe block[3] |= Self.bit(bits, 0xa2b7_289d)
    unsafe block[4] |= Self.bit(bits, 0x7054_95c7)
    unsafe block[5] |= Self.bit(bits, 0x2df1_424b)
    unsafe block[6] |= Self.bit(bits, 0x9efc_4947)
    unsafe block[7] |= Self.bit(bits, 0x5c6b_fb31)
    insertedCount &+= 1
  }

  /// Adds the keys of some pages of a run, as the filter over all runs.
  func insert(_ run: SealedRun, pages: Range<Int>) throws(RunError) {
    for page in pages {
      let keys = try run.keys(ofPage: page)
      for place in 0..<keys.count {
        let identity = keys[place].identity
        insert(position: identity.position, bits: identity.filterBits)
      }
    }
  }

  /// Whether a key may have been added; false is certain.
  @inline(__always)
  func mayContain(position: UInt32, bits: UInt32) -> Bool {
    let block = unsafe block(position)
    let missing0 = unsafe Self.bit(bits, 0x47b6_137b) & ~block[0]
    let missing1 = unsafe Self.bit(bits, 0x4497_4d91) & ~block[1]
    let missing2 = unsafe Self.bit(bits, 0x8824_ad5b) & ~block[2]
    let missing3 = unsafe Self.bit(bits, 0xa2b7_289d) & ~block[3]
    let missing4 = unsafe Self.bit(bits, 0x7054_95c7) & ~block[4]
    let missing5 = unsafe Self.bit(bits, 0x2df1_424b) & ~block[5]
    let missing6 = unsafe Self.bit(bits, 0x9efc_4947) & ~block[6]
    let missing7 = unsafe Self.bit(bits, 0x5c6b_fb31) & ~block[7]
    return (missing0 | missing1 | missing2 | missing3)
      | (missing4 | missing5 | missing6 | missing7) == 0
  }

  /// Asks for the block of a position before ``mayContain(position:bits:)``.
  @inline(__always)
  func prefetch(_ position: UInt32) { unsafe wb_prefetch_read(block(position)) }

  /// Share of the bits that are set, 0 to 1, in up to 1,024 blocks spread over the filter.
  var sampledFill: Double {
    let samples = min(blockCount, 1024)
    var bits = 0
    for sample in 0..<samples {
      let block =
        unsafe memory.base.assumingMemoryBound(to: UInt32.self)
        + sample * blockCount / samples * 8
      for word in 0..<8 { unsafe bits += block[word].nonzeroBitCount }
    }
    return Double(bits) / Double(samples * 256)
  }
}
