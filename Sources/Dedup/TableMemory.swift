internal import CIntrinsics

/// Zeroed memory for one table, run or filter, mapped at once and taken by the page.
///
/// It can be prepared before use and given back after use in bounded steps.
@safe
final class TableMemory {
  /// One huge page or 512 small ones: some hundred microseconds.
  private static let step = 1 << 21

  /// The first byte.
  let base: UnsafeMutableRawPointer
  /// How much was mapped.
  let byteCount: Int
  private var preparedBytes = 0
  private var freedBytes = 0

  /// Maps memory; the machine having none left is fatal, because no answer would be true then.
  init(byteCount: Int) {
    self.byteCount = max(byteCount, 1)
    guard let base = unsafe wb_table_allocate(self.byteCount) else {
      fatalError("FATAL: no memory for \(byteCount) bytes of the key index")
    }
    unsafe self.base = base
  }

  deinit {
    if freedBytes < byteCount {
      unsafe wb_table_free(base + freedBytes, byteCount - freedBytes)
    }
  }

  /// Bytes that are still mapped.
  var mappedBytes: Int { byteCount - freedBytes }

  /// Takes the pages of the next 2 MiB; nothing may have been written yet.
  ///
  /// - Returns: whether more remain.
  func prepareStep() -> Bool {
    let step = min(Self.step, byteCount - preparedBytes)
    unsafe wb_table_prepare(base + preparedBytes, step)
    preparedBytes += step
    return preparedBytes < byteCount
  }

  /// Gives back the next 2 MiB; nothing may be read any more.
  ///
  /// - Returns: whether more remain.
  func freeStep() -> Bool {
    let step = min(Self.step, byteCount - freedBytes)
    unsafe wb_table_free(base + freedBytes, step)
    freedBytes += step
    return freedBytes < byteCount
  }
}
