internal import CIntrinsics

/// Zeroed memory for one table, run or filter, mapped at once and taken by the page.
@safe
final class TableMemory {
  /// One huge page or 512 small ones. No call keeps the kernel's map of the process for longer, so
  /// that the threads beside go on.
  private static let step = 1 << 21

  /// The first byte.
  let base: UnsafeMutableRawPointer
  /// How much was mapped.
  let byteCount: Int
  private var freedBytes = 0

  /// Maps memory; the machine having none left is fatal, because no answer would be true then.
  init(byteCount: Int) {
    self.byteCount = max(byteCount, 1)
    guard let base = unsafe wb_table_allocate(self.byteCount) else {
      fatalError("FATAL: no memory for \(byteCount) bytes of the key index")
    }
    unsafe wb_table_prefer_huge_pages(base, self.byteCount)
    unsafe self.base = base
  }

  deinit {
    if freedBytes < byteCount {
      unsafe wb_table_free(base + freedBytes, byteCount - freedBytes)
    }
  }

  /// Bytes that are still mapped.
  var mappedBytes: Int { byteCount - freedBytes }

  /// All of it.
  var bytes: RawSpan {
    @_lifetime(borrow self)
    get {
      let span = unsafe RawSpan(_unsafeStart: base, byteCount: byteCount)
      return unsafe _overrideLifetime(span, borrowing: self)
    }
  }

  /// Overwrites the first bytes; more than there are is a bug.
  func copy(_ source: RawSpan) {
    precondition(source.byteCount <= byteCount, "BUG: more bytes than the memory has")
    let target = unsafe UnsafeMutableRawBufferPointer(start: base, count: byteCount)
    unsafe source.withUnsafeBytes { unsafe target.copyMemory(from: $0) }
  }

  /// Overwrites the bytes of an integer; an offset outside is a bug.
  @inline(__always)
  func store<Value: FixedWidthInteger & BitwiseCopyable>(_ value: Value, at offset: Int) {
    precondition(
      offset >= 0 && offset <= byteCount &- MemoryLayout<Value>.size,
      "BUG: an offset outside the memory")
    unsafe base.storeBytes(of: value, toByteOffset: offset, as: Value.self)
  }

  /// Takes the pages; nothing may have been written yet.
  ///
  /// - Parameter rest: called after each step.
  func prepare(rest: () -> Void = {}) {
    var prepared = 0
    while prepared < byteCount {
      let step = min(Self.step, byteCount - prepared)
      unsafe wb_table_prepare(base + prepared, step)
      prepared += step
      rest()
    }
  }

  /// Gives the memory back; nothing may be read any more.
  ///
  /// - Parameter rest: called after each step.
  func free(rest: () -> Void = {}) {
    while freedBytes < byteCount {
      let step = min(Self.step, byteCount - freedBytes)
      unsafe wb_table_free(base + freedBytes, step)
      freedBytes += step
      rest()
    }
  }
}
