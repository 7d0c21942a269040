/// Bytes in the order in which they came: added at the end, taken from the front, always
/// contiguous.
///
/// Memory is allocated with the first byte and grows by doubling; it stays where it is while
/// nothing is added.
///
/// Thread: one thread owns a queue.
@safe
struct ByteQueue: ~Copyable {
  private var storage: UnsafeMutableRawBufferPointer?
  private var start = 0
  private var end = 0

  private static let minimumCapacity = 4_096

  init() {}

  deinit { unsafe storage?.deallocate() }

  /// How many bytes wait.
  var count: Int { end - start }

  /// Whether nothing waits.
  var isEmpty: Bool { start == end }

  /// The bytes, valid until the queue changes.
  var bytes: UnsafeRawBufferPointer {
    guard let storage = unsafe storage else {
      return unsafe UnsafeRawBufferPointer(start: nil, count: 0)
    }
    return unsafe UnsafeRawBufferPointer(rebasing: storage[start..<end])
  }

  /// Adds bytes at the end.
  mutating func append(_ bytes: RawSpan) {
    guard bytes.byteCount > 0 else { return }
    let room = unsafe reserve(bytes.byteCount)
    unsafe bytes.withUnsafeBytes { unsafe room.copyMemory(from: $0) }
    end += bytes.byteCount
  }

  /// Room for at least `minimum` bytes after the end, valid until the queue changes.
  mutating func reserve(_ minimum: Int) -> UnsafeMutableRawBufferPointer {
    if let storage = unsafe storage, storage.count - end >= minimum {
      return unsafe UnsafeMutableRawBufferPointer(rebasing: storage[end...])
    }
    let needed = count + minimum
    let old = unsafe storage
    // Moving to the front is worth it only if it does not have to be done again soon.
    if let old = unsafe old, needed <= old.count / 2 {
      let kept = unsafe UnsafeRawBufferPointer(rebasing: old[start..<end])
      unsafe old.copyMemory(from: kept)
    } else {
      var capacity = Self.minimumCapacity
      while capacity < needed { capacity *= 2 }
      let new = UnsafeMutableRawBufferPointer.allocate(byteCount: capacity, alignment: 16)
      unsafe new.copyMemory(from: bytes)
      unsafe old?.deallocate()
      unsafe storage = new
    }
    end = count
    start = 0
    guard let storage = unsafe storage else { fatalError("BUG: a byte queue without storage") }
    return unsafe UnsafeMutableRawBufferPointer(rebasing: storage[end...])
  }

  /// Counts bytes that were written to the room that `reserve` gave.
  mutating func didAppend(_ number: Int) {
    end += number
    let capacity = unsafe storage?.count ?? 0
    precondition(end <= capacity, "BUG: more bytes received than there was room for")
  }

  /// Takes bytes from the front.
  mutating func removeFirst(_ number: Int) {
    precondition((0...count).contains(number), "BUG: more bytes consumed than there are")
    start += number
    if start == end {
      start = 0
      end = 0
    }
  }

  /// Takes everything out and gives the memory back.
  mutating func clear() {
    unsafe storage?.deallocate()
    unsafe storage = nil
    start = 0
    end = 0
  }
}
