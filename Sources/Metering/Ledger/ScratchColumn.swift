/// Values of one stage of a group: memory that is kept from group to group and always initialised.
///
/// An array would be checked for other owners at every store, and two columns of one value could
/// not be lent at a time; a column of a value that cannot be copied has one owner by its type.
@safe
struct ScratchColumn<Element: BitwiseCopyable>: ~Copyable {
  private var base: UnsafeMutablePointer<Element>
  private(set) var capacity: Int
  private let filler: Element

  /// A column whose new places hold `filler`.
  init(filler: Element, capacity: Int = 64) {
    self.filler = filler
    self.capacity = capacity
    unsafe base = .allocate(capacity: capacity)
    unsafe base.initialize(repeating: filler, count: capacity)
  }

  deinit { unsafe base.deallocate() }

  /// Makes room for this many values; what was there is lost if it grows.
  mutating func reserve(_ count: Int) {
    guard count > capacity else { return }
    unsafe base.deallocate()
    capacity = max(count, 2 * capacity)
    unsafe base = .allocate(capacity: capacity)
    unsafe base.initialize(repeating: filler, count: capacity)
  }

  /// The value at a place inside the capacity.
  subscript(place: Int) -> Element {
    @inline(__always)
    get {
      precondition(UInt(bitPattern: place) < UInt(bitPattern: capacity), "BUG: outside a column")
      return unsafe base[place]
    }
    @inline(__always)
    nonmutating set {
      precondition(UInt(bitPattern: place) < UInt(bitPattern: capacity), "BUG: outside a column")
      unsafe base[place] = newValue
    }
  }

  /// The first values.
  @_lifetime(borrow self)
  func prefix(_ count: Int) -> Span<Element> {
    precondition(count <= capacity, "BUG: outside a column")
    return unsafe _overrideLifetime(Span(_unsafeStart: base, count: count), borrowing: self)
  }

  /// The first values, for writing. Nobody reads the column while the span is there.
  @_lifetime(borrow self)
  func mutablePrefix(_ count: Int) -> MutableSpan<Element> {
    precondition(count <= capacity, "BUG: outside a column")
    return unsafe _overrideLifetime(
      MutableSpan(_unsafeStart: base, count: count), borrowing: self)
  }
}

// One owner holds the only pointer.
extension ScratchColumn: @unchecked Sendable where Element: Sendable {}
