internal import CIntrinsics

/// The keys of one closed generation, sorted by identity, sixteen bytes each.
///
/// An index of one number for every eight keys says where the keys of a range of positions begin.
/// The run is written once, in order, from a closed ``BucketTable``, and then only read.
@safe
final class SealedRun {
  let count: Int
  /// Arrival of the last key.
  let lastArrival: Int64
  let memory: TableMemory
  private let keys: UnsafeMutablePointer<SealedKey>
  private let starts: UnsafeMutablePointer<UInt32>
  private let rangeCount: Int
  /// Keys written, and the first range whose start is not written yet.
  private(set) var written = 0
  private var nextRange = 0

  /// A run that waits for this many keys, at most 2³² − 1.
  init(count: Int, lastArrival: Int64) {
    self.count = count
    self.lastArrival = lastArrival
    rangeCount = max(1, count / 8)
    memory = TableMemory(byteCount: count * 16 + (rangeCount + 1) * 4)
    unsafe keys = memory.base.bindMemory(to: SealedKey.self, capacity: count)
    unsafe starts = (memory.base + count * 16).bindMemory(
      to: UInt32.self, capacity: rangeCount + 1)
  }

  /// The keys written so far, ascending.
  var span: Span<SealedKey> {
    @_lifetime(borrow self)
    get {
      let span = unsafe Span(_unsafeStart: keys, count: written)
      return unsafe _overrideLifetime(span, borrowing: self)
    }
  }

  /// Puts keys into a run, in groups: any order within a group, each group after the one before.
  ///
  /// It is lent for the length of ``SealedRun/write(_:)`` and never writes past the run.
  @safe
  struct Writer {
    private let keys: UnsafeMutablePointer<SealedKey>
    private let capacity: Int
    private var groupStart: Int
    fileprivate var written: Int

    fileprivate init(keys: UnsafeMutablePointer<SealedKey>, capacity: Int, written: Int) {
      unsafe self.keys = keys
      self.capacity = capacity
      groupStart = written
      self.written = written
    }

    @inline(__always)
    mutating func beginGroup() { groupStart = written }

    @inline(__always)
    var groupCount: Int { written &- groupStart }

    @inline(__always)
    mutating func append(_ key: SealedKey) {
      precondition(
        written < capacity, "BUG: a sealed run gets more keys than its table held")
      var place = written
      while place > groupStart, unsafe keys[place &- 1].bits > key.bits {
        unsafe keys[place] = keys[place &- 1]
        place &-= 1
      }
      unsafe keys[place] = key
      written &+= 1
    }
  }

  /// Lets a body write the next keys, then indexes them.
  func write(_ body: (inout Writer) -> Void) {
    let first = written
    var writer = unsafe Writer(keys: keys, capacity: count, written: first)
    body(&writer)
    written = writer.written
    for place in first..<written {
      let range = unsafe scaled(keys[place].identity.position, to: rangeCount)
      fillStarts(through: range, with: place)
    }
  }

  /// Ends the run: every key is written and indexed.
  func finish() {
    precondition(written == count, "BUG: a sealed run has fewer keys than its table held")
    fillStarts(through: rangeCount, with: count)
  }

  private func fillStarts(through range: Int, with place: Int) {
    var next = nextRange
    guard next <= range else { return }
    while next <= range {
      unsafe starts[next] = UInt32(truncatingIfNeeded: place)
      next &+= 1
    }
    nextRange = next
  }

  /// The payload of a key, or nil. The run is finished.
  func find(_ identity: KeyIdentity) -> UInt16? {
    let range = scaled(identity.position, to: rangeCount)
    var place = unsafe Int(starts[range])
    let end = unsafe Int(starts[range + 1])
    while place < end {
      let key = unsafe keys[place]
      if key.identity >= identity { return key.identity == identity ? key.payload : nil }
      place += 1
    }
    return nil
  }

  /// Asks for what ``find(_:)`` reads first.
  @inline(__always)
  func prefetchIndex(_ identity: KeyIdentity) {
    unsafe wb_prefetch_read(starts + scaled(identity.position, to: rangeCount))
  }

  /// Asks for what ``find(_:)`` reads second.
  @inline(__always)
  func prefetchKeys(_ identity: KeyIdentity) {
    let place = unsafe Int(starts[scaled(identity.position, to: rangeCount)])
    unsafe wb_prefetch_read(keys + place)
    unsafe wb_prefetch_read(keys + place + 4)
  }
}
