/// The memory of the columns of ``UsageColumns``: one block, one column behind the other.
///
/// One block, because only one exclusive span of a value can be held at a time.
struct ColumnBlock: Sendable {
  /// Where each column begins, in bytes; widest elements first, so that all are aligned.
  struct Layout: Sendable {
    /// Records that fit; a multiple of 8, so that columns begin at whole words.
    var capacity: Int

    var times: Int { 0 }
    var quantities: Int { 8 &* capacity }
    var tenants: Int { 16 &* capacity }
    var operations: Int { 20 &* capacity }
    var contexts: Int { 24 &* capacity }
    var keyOffsets: Int { 28 &* capacity }
    var kinds: Int { 32 &* capacity }
    var faults: Int { 33 &* capacity }
    var keyForms: Int { 34 &* capacity }
    var keyLengths: Int { 35 &* capacity }
    /// Bytes of all columns.
    var byteCount: Int { 36 &* capacity }

    /// Where each column begins and the bytes of its elements.
    var columns: [(start: Int, width: Int)] {
      [
        (times, 8), (quantities, 8), (tenants, 4), (operations, 4), (contexts, 4),
        (keyOffsets, 4), (kinds, 1), (faults, 1), (keyForms, 1), (keyLengths, 1),
      ]
    }
  }

  private var words: [UInt64] = []
  /// Where each column begins.
  private(set) var layout = Layout(capacity: 0)

  /// Makes room for this many records; the first `kept` ones stay.
  mutating func reserve(_ records: Int, keeping kept: Int) {
    guard layout.capacity < records else { return }
    let capacity = (max(records, 2 * layout.capacity, 512) + 7) & ~7
    let grown = Layout(capacity: capacity)
    var target = [UInt64](repeating: 0, count: grown.byteCount / 8)
    for (old, new) in zip(layout.columns, grown.columns) {
      for word in 0..<(kept * old.width + 7) / 8 {
        target[new.start / 8 + word] = words[old.start / 8 + word]
      }
    }
    words = target
    layout = grown
  }

  /// The first values of a column.
  @_lifetime(borrow self)
  func values<Element: FixedWidthInteger & BitwiseCopyable>(
    at start: Int, count: Int
  ) -> Span<Element> {
    let size = count * MemoryLayout<Element>.stride
    // Integers have no padding and no invalid bytes, and a column begins at a whole word.
    return unsafe words.span.bytes.extracting(start..<start + size)._unsafeView(as: Element.self)
  }

  /// All columns, for writing at the offsets of ``layout``.
  var mutable: MutableSpan<UInt64> {
    @_lifetime(&self)
    mutating get { words.mutableSpan }
  }
}
