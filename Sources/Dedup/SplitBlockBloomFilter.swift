internal import CIntrinsics

/// A set that answers "certainly not" or "maybe", with one cache line for each question.
///
/// A split-block Bloom filter as in the Apache Parquet format specification: 32 bits choose a block
/// of 256 bits, 32 further bits set one bit in each of its eight words. The ones that choose a
/// block are the position, which keeps the order of identities, so that filling it from a run is
/// sequential.
///
/// One thread at a time may add keys, while others ask: a key that is just being added may be found
/// or not.
@safe
final class SplitBlockBloomFilter: @unchecked Sendable {
  let blockCount: Int
  let memory: TableMemory

  /// An empty filter for this many keys.
  init(capacity: Int, bitsPerKey: Int) {
    blockCount = max(1, (capacity * bitsPerKey + 255) / 256)
    memory = TableMemory(byteCount: blockCount * 32)
  }

  /// A filter from its blocks.
  init(blocks: RawSpan) {
    blockCount = blocks.byteCount / 32
    memory = TableMemory(byteCount: blocks.byteCount)
    memory.copy(blocks)
  }

  /// Bytes of its blocks, the first ones of ``memory``.
  var byteCount: Int { blockCount * 32 }

  /// Where the blocks lie, for who asks many filters for many keys and holds them meanwhile.
  @unsafe
  struct Place {
    let base: UnsafeMutableRawPointer
    let blockCount: Int

    /// Where the block of a position begins.
    @inline(__always)
    func block(_ position: UInt32) -> UnsafeMutablePointer<UInt64> {
      unsafe base.assumingMemoryBound(to: UInt64.self) + scaled(position, to: blockCount) &* 4
    }

    /// Whether a key may have been added; false is certain.
    @inline(__always)
    func mayContain(position: UInt32, bits: UInt32) -> Bool {
      let block = unsafe block(position)
      let mask = SplitBlockBloomFilter.mask(bits)
      let missing0 = unsafe mask.0 & ~wb_bits_load(block)
      let missing1 = unsafe mask.1 & ~wb_bits_load(block + 1)
      let missing2 = unsafe mask.2 & ~wb_bits_load(block + 2)
      let missing3 = unsafe mask.3 & ~wb_bits_load(block + 3)
      return (missing0 | missing1) | (missing2 | missing3) == 0
    }

    /// Asks for the block of a position before ``mayContain(position:bits:)``.
    @inline(__always)
    func prefetch(_ position: UInt32) { unsafe wb_prefetch_read(block(position)) }
  }

  /// Where the blocks lie.
  @unsafe
  var place: Place { unsafe Place(base: memory.base, blockCount: blockCount) }

  /// The bits that a key sets in two of the eight words of its block, by their salts.
  @inline(__always)
  private static func bits(_ bits: UInt32, _ low: UInt32, _ high: UInt32) -> UInt64 {
    1 &<< UInt64((bits &* low) &>> 27) | 1 &<< (32 &+ UInt64((bits &* high) &>> 27))
  }

  /// The bits that a key sets in its block, by the salts of the specification.
  @inline(__always)
  private static func mask(_ bits: UInt32) -> (UInt64, UInt64, UInt64, UInt64) {
    (
      Self.bits(bits, 0x47b6_137b, 0x4497_4d91), Self.bits(bits, 0x8824_ad5b, 0xa2b7_289d),
      Self.bits(bits, 0x7054_95c7, 0x2df1_424b), Self.bits(bits, 0x9efc_4947, 0x5c6b_fb31)
    )
  }

  /// Adds a key.
  @inline(__always)
  func insert(position: UInt32, bits: UInt32) {
    let block = unsafe place.block(position)
    let mask = Self.mask(bits)
    unsafe wb_bits_set(block, mask.0)
    unsafe wb_bits_set(block + 1, mask.1)
    unsafe wb_bits_set(block + 2, mask.2)
    unsafe wb_bits_set(block + 3, mask.3)
  }

  /// Whether a key may have been added; false is certain.
  @inline(__always)
  func mayContain(position: UInt32, bits: UInt32) -> Bool {
    unsafe place.mayContain(position: position, bits: bits)
  }

  /// Share of the bits that are set, 0 to 1, in up to this many blocks spread over the filter.
  func sampledFill(blocks: Int) -> Double {
    let samples = min(blockCount, blocks)
    var bits = 0
    for sample in 0..<samples {
      let word =
        unsafe memory.base.assumingMemoryBound(to: UInt64.self)
        + sample * blockCount / samples * 4
      for place in 0..<4 { unsafe bits += wb_bits_load(word + place).nonzeroBitCount }
    }
    return Double(bits) / Double(samples * 256)
  }
}
