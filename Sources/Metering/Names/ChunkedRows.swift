internal import CIntrinsics

/// Rows in chunks of table memory. A row never moves, so growing costs one chunk, never a copy.
///
/// Rows are numbered from 0 in the order of their making. One owner.
@safe
struct ChunkedRows<Row: BitwiseCopyable>: ~Copyable {
  /// log₂ of the rows of one chunk.
  private let shift: Int
  private var chunks: UnsafeMutablePointer<UnsafeMutablePointer<Row>>
  private var chunkCapacity: Int
  private var chunkCount = 0

  /// Number of rows.
  private(set) var count = 0

  /// Rows in chunks of 2^`shift`.
  init(chunkShift shift: Int) {
    self.shift = shift
    chunkCapacity = 8
    unsafe chunks = .allocate(capacity: chunkCapacity)
  }

  deinit {
    for index in 0..<chunkCount {
      unsafe wb_table_free(chunks[index], chunkByteCount)
    }
    unsafe chunks.deallocate()
  }

  /// Bytes of all chunks.
  var byteCount: Int { chunkCount * chunkByteCount }

  /// The place of a row, valid until ``removeAll(keepingRows:)`` or the end of the owner.
  @inline(__always)
  func pointer(_ row: Int) -> UnsafeMutablePointer<Row> {
    precondition(row >= 0 && row < count, "BUG: a row that does not exist")
    return unsafe chunks[row &>> shift] + (row & (1 &<< shift &- 1))
  }

  /// Asks the memory for a row, or for its first and last byte if it passes a cache line.
  @inline(__always)
  func prefetch(_ row: Int) {
    let place = unsafe UnsafeRawPointer(pointer(row))
    unsafe wb_prefetch_write(place)
    if MemoryLayout<Row>.stride > 64 {
      unsafe wb_prefetch_write(place + (MemoryLayout<Row>.stride - 1))
    }
  }

  /// Makes one row and returns its place; its bytes are what the row before it there left.
  ///
  /// The caller writes the whole row.
  @inline(__always)
  mutating func append() -> UnsafeMutablePointer<Row> {
    if count &>> shift == chunkCount { addChunk() }
    count += 1
    return unsafe pointer(count - 1)
  }

  /// Makes `length` rows that lie side by side in one chunk and returns the number of the first.
  ///
  /// The length is from 1 to the rows of a chunk; rows at a chunk's end may be skipped for it. The
  /// caller writes the rows.
  mutating func appendRun(_ length: Int) -> Int {
    let chunkLength = 1 << shift
    precondition(length >= 1 && length <= chunkLength, "BUG: a run of rows that no chunk can hold")
    if count & (chunkLength - 1) + length > chunkLength {
      count = (count >> shift + 1) << shift
    }
    if count &>> shift == chunkCount { addChunk() }
    count += length
    return count - length
  }

  /// Forgets all rows and gives back the chunks beyond those that hold `keepingRows` rows.
  mutating func removeAll(keepingRows: Int) {
    let kept = (keepingRows + (1 << shift) - 1) >> shift
    while chunkCount > kept {
      chunkCount -= 1
      unsafe wb_table_free(chunks[chunkCount], chunkByteCount)
    }
    count = 0
  }

  private var chunkByteCount: Int { MemoryLayout<Row>.stride << shift }

  @inline(never)
  private mutating func addChunk() {
    if chunkCount == chunkCapacity {
      let larger = UnsafeMutablePointer<UnsafeMutablePointer<Row>>
        .allocate(capacity: chunkCapacity * 2)
      unsafe larger.update(from: chunks, count: chunkCount)
      unsafe chunks.deallocate()
      unsafe chunks = larger
      chunkCapacity *= 2
    }
    guard let memory = unsafe wb_table_allocate(chunkByteCount) else {
      fatalError("FATAL: no memory for \(chunkByteCount) more bytes of a table")
    }
    unsafe chunks[chunkCount] = memory.bindMemory(to: Row.self, capacity: 1 << shift)
    chunkCount += 1
  }
}

// One owner holds the only pointers to the chunks.
extension ChunkedRows: @unchecked Sendable where Row: Sendable {}
