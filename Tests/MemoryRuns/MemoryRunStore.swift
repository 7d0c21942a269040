public import Dedup
import Synchronization

/// Keeps the files of runs in memory, and fails when it is told to.
public final class MemoryRunStore: RunStore {
  private let files = Mutex<[UInt64: Memory]>([:])
  private let held = HeldCount()
  private let failing = Mutex<Int?>(nil)
  private let operations = Mutex(0)
  private let ending = Mutex<Int?>(nil)

  /// An empty store.
  public init() {}

  /// What an operation that was told to fail throws.
  public struct Failure: Error {}

  /// Lets the n-th operation from now on fail, the first one with 0, and none after it.
  public func fail(afterOperations count: Int?) { failing.withLock { $0 = count } }

  /// Lets nothing happen any more after so many operations and removals from now on, as if the
  /// process had ended; nil for a new process.
  public func end(afterOperations count: Int?) { ending.withLock { $0 = count } }

  /// Whether that has come.
  public var hasEnded: Bool { ending.withLock { $0 == 0 } }

  /// Operations that were asked for so far.
  public var operationCount: Int { operations.withLock { $0 } }

  /// Numbers of the files, ascending.
  public var numbers: [UInt64] { files.withLock { $0.keys.sorted() } }

  /// Files whose bytes somebody holds, removed ones included.
  public var heldCount: Int { held.count.load(ordering: .relaxed) }

  /// Opens every file, the lowest number first.
  public func open() throws -> [SealedRun] {
    try numbers.map(open)
  }

  /// Opens a file that is there.
  public func open(_ number: UInt64) throws(RunError) -> SealedRun {
    guard let bytes = bytes(number) else { preconditionFailure("a file is gone") }
    return try SealedRun(opening: bytes, number: number)
  }

  /// What a file holds, empty if there is none.
  public func content(_ number: UInt64) -> [UInt8] {
    files.withLock { files in files[number].map { unsafe Array($0.bytes) } ?? [] }
  }

  /// A store with files of the same content.
  public func copy() -> MemoryRunStore {
    let copy = MemoryRunStore()
    for number in numbers { copy.put(number, content(number)) }
    return copy
  }

  private func bytes(_ number: UInt64) -> RunBytes? {
    files.withLock { $0[number] }.map { unsafe RunBytes($0.bytes, owner: $0) }
  }

  /// Changes bits of a byte of a file, for every reader.
  public func flip(_ number: UInt64, at offset: Int, bits: UInt8 = 1) {
    files.withLock { files in unsafe files[number]?.memory[offset] ^= bits }
  }

  /// Begins a file.
  public func begin(_ number: UInt64, byteCount: Int) throws -> any RunFile {
    try operate()
    return MemoryRunFile(self, number, byteCount: byteCount)
  }

  /// Removes a file; who has its bytes keeps them.
  public func remove(_ number: UInt64) {
    guard (try? goOn()) != nil else { return }
    files.withLock { $0[number] = nil }
  }

  private func goOn() throws {
    try ending.withLock { left in
      if left == 0 { throw Failure() }
      left = left.map { $0 - 1 }
    }
  }

  fileprivate func operate() throws {
    operations.withLock { $0 += 1 }
    try goOn()
    try failing.withLock { count in
      guard let left = count else { return }
      count = left == 0 ? nil : left - 1
      if left == 0 { throw Failure() }
    }
  }

  /// Puts a file there, whatever it holds.
  @discardableResult
  public func put(_ number: UInt64, _ content: [UInt8]) -> RunBytes {
    let memory = Memory(content, held)
    files.withLock { $0[number] = memory }
    return unsafe RunBytes(memory.bytes, owner: memory)
  }
}

private final class HeldCount: Sendable {
  let count = Atomic(0)
}

/// The memory of one file.
@safe
private final class Memory: @unchecked Sendable {
  let memory: UnsafeMutableRawBufferPointer

  private let held: HeldCount

  init(_ content: [UInt8], _ held: HeldCount) {
    self.held = held
    held.count.add(1, ordering: .relaxed)
    unsafe memory = .allocate(byteCount: content.count, alignment: 4096)
    unsafe memory.copyBytes(from: content)
  }

  deinit {
    held.count.subtract(1, ordering: .relaxed)
    unsafe memory.deallocate()
  }

  var bytes: UnsafeRawBufferPointer { unsafe UnsafeRawBufferPointer(memory) }
}

private final class MemoryRunFile: RunFile {
  private let store: MemoryRunStore
  private let number: UInt64
  private let byteCount: Int
  private var content = [UInt8](repeating: 0, count: 4096)

  init(_ store: MemoryRunStore, _ number: UInt64, byteCount: Int) {
    self.store = store
    self.number = number
    self.byteCount = byteCount
  }

  func append(_ bytes: RawSpan) throws {
    try store.operate()
    unsafe bytes.withUnsafeBytes { unsafe content.append(contentsOf: $0) }
    precondition(content.count <= byteCount, "a run is larger than was said")
  }

  func seal(header: RawSpan) throws -> RunBytes {
    try store.operate()
    unsafe header.withUnsafeBytes { unsafe content.replaceSubrange(0..<header.byteCount, with: $0) }
    return store.put(number, content)
  }
}
