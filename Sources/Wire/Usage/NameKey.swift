/// What a name is looked for by: its first and its last eight bytes, its length and its type.
///
/// Up to ``wholeLength`` bytes that is the whole name; of longer ones the middle is to be compared.
public struct NameKey: Hashable, Sendable, BitwiseCopyable {
  /// The longest name that a key determines.
  public static let wholeLength = 16

  /// The first eight bytes, lowest first; those behind a shorter name are zero.
  public let first: UInt64
  /// The last eight bytes; ``first`` again if there are not more.
  public let last: UInt64
  /// The length in bits 0 to 7, the raw value of the ``ContextType`` in bits 8 to 15.
  public let tag: UInt32

  @inlinable @inline(__always)
  init(first: UInt64, last: UInt64, tag: UInt32) {
    self.first = first
    self.last = last
    self.tag = tag
  }

  /// Whether the key determines the name.
  @inlinable @inline(__always)
  public var isWhole: Bool { tag & 0xFF <= UInt32(Self.wholeLength) }
}

/// The keys of the names of a ``NameColumn``.
public struct NameKeys: ~Escapable {
  /// Three words for each entry: the two of its key, then its tag from bit 32 on; where the name
  /// has a fault there are bits above the tag.
  @usableFromInline let words: Span<UInt64>

  @_lifetime(copy words)
  init(words: Span<UInt64>) { self.words = words }

  /// The key of an entry, or nil if its name has a fault. An entry that does not exist traps.
  @inlinable
  public subscript(entry: Int) -> NameKey? {
    @inline(__always)
    get {
      let word = words[3 &* entry &+ 2]
      guard word >> 48 == 0 else { return nil }
      return NameKey(
        first: words[3 &* entry], last: words[3 &* entry &+ 1],
        tag: UInt32(truncatingIfNeeded: word >> 32))
    }
  }
}
