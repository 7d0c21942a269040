/// Values side by side whose capacity is kept.
///
/// The storage is always initialised to its whole size; the owner knows how much of it counts.
struct Column<Element: FixedWidthInteger & BitwiseCopyable & Sendable>: Sendable {
  private var storage: [Element] = []

  /// Makes room for this many values; the values that are there stay.
  mutating func reserve(_ count: Int) {
    guard storage.count < count else { return }
    let grown = max(count, 2 * storage.count, 64)
    storage.append(contentsOf: repeatElement(0, count: grown - storage.count))
  }

  /// The first values.
  @_lifetime(borrow self)
  func prefix(_ count: Int) -> Span<Element> {
    storage.span.extracting(first: count)
  }

  /// One value; the capacity reaches so far.
  subscript(index: Int) -> Element {
    get { storage[index] }
    set { storage[index] = newValue }
  }

  /// All values, for writing.
  var mutable: MutableSpan<Element> {
    @_lifetime(&self)
    mutating get { storage.mutableSpan }
  }
}
