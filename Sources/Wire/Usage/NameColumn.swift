/// The names of one kind (tenants, operations or contexts) of many frames.
///
/// Entry 0 is always there and has an empty name: records without a context, and rejected records
/// whose index is past its table, point to it, so that every index of a record is valid.
public struct NameColumn: ~Copyable, Sendable {
  /// Number of entries, entry 0 included.
  public private(set) var count = 0
  private var byteCount = 0
  private var bytes = Column<UInt8>()
  /// Three words for each entry: the two of its key, and the ``Entry``.
  private var entries = Column<UInt64>()

  init() { removeAll() }

  /// The bytes of a name. Its UTF-8 is valid where ``fault(_:)`` is nil.
  ///
  /// - Precondition: the entry is below ``count``.
  @_lifetime(borrow self)
  public func name(_ entry: Int) -> RawSpan {
    let entry = self[entry]
    return bytes.prefix(byteCount).raw.extracting(entry.start..<entry.start + entry.length)
  }

  /// The bytes of a context's name behind one byte, the raw value of its type.
  ///
  /// - Precondition: the entry is below ``count`` and of a table of contexts.
  @_lifetime(borrow self)
  public func typedName(_ entry: Int) -> RawSpan {
    let entry = self[entry]
    return bytes.prefix(byteCount).raw.extracting(entry.start - 1..<entry.start + entry.length)
  }

  /// Why records that use the name are rejected, or nil.
  ///
  /// - Precondition: the entry is below ``count``.
  public func fault(_ entry: Int) -> RejectionReason? {
    RejectionReason(rawValue: self[entry].fault)
  }

  /// What each name is looked for by.
  public var keys: NameKeys {
    @_lifetime(borrow self)
    get { NameKeys(words: entries.prefix(3 * count)) }
  }

  /// The type of a context; `other` in tables that are not of contexts.
  ///
  /// - Precondition: the entry is below ``count``.
  public func type(_ entry: Int) -> ContextType {
    ContextType(rawValue: self[entry].type) ?? .other
  }

  private subscript(entry: Int) -> Entry { Entry(word: entries.prefix(3 * count)[3 * entry + 2]) }

  /// Leaves entry 0 alone; capacity is kept.
  mutating func removeAll() {
    entries.reserve(3)
    bytes.reserve(1)
    bytes[0] = ContextType.other.rawValue
    (entries[0], entries[1]) = (0, 0)
    entries[2] = Entry(start: 1, length: 0, type: ContextType.other.rawValue, fault: 0).word
    count = 1
    byteCount = 1
  }

  /// A place to come back to.
  struct Mark {
    fileprivate var count: Int
    fileprivate var byteCount: Int
  }

  /// The place behind the last entry.
  var mark: Mark { Mark(count: count, byteCount: byteCount) }

  /// Drops the entries of a frame that turned out to be malformed.
  mutating func truncate(to mark: Mark) {
    count = mark.count
    byteCount = mark.byteCount
  }

  /// Appends a table of a frame and moves the offset behind it.
  ///
  /// - Parameter hasTypes: whether each entry has a type and may be empty, as contexts do.
  /// - Returns: whether an entry has a fault.
  /// - Precondition: the frame has ``Text/slack`` bytes behind `end`.
  mutating func append(
    _ added: Int, hasTypes: Bool, of frame: RawSpan, at offset: inout Int, end: Int
  ) throws(WireError) -> Bool {
    guard added > 0 else { return false }
    precondition(frame.byteCount - end >= Text.slack, "BUG: a tag stands behind the body")
    entries.reserve(3 * (count + added))
    bytes.reserve(byteCount + end - offset + Text.slack)
    var place = mark
    let faults = try Self.decode(
      added, hasTypes: hasTypes, of: frame, at: &offset, end: end, place: &place,
      to: &entries, names: &bytes)
    truncate(to: place)
    return faults != 0
  }

  /// Appends an entry of another column of the same kind.
  ///
  /// - Parameter hasTypes: whether the names have types, as contexts do.
  /// - Returns: its number here.
  mutating func append(
    _ entry: Int, of other: borrowing NameColumn, hasTypes: Bool = false
  ) -> UInt32 {
    var copy = other[entry]
    let head = hasTypes ? 1 : 0
    let (start, length, end) = (copy.start - head, copy.length + head, byteCount)
    precondition(start + length <= other.byteCount, "BUG: a name outside its column")
    entries.reserve(3 * (count + 1))
    bytes.reserve(byteCount + length + Text.slack)
    let source = other.bytes.prefix(other.byteCount + Text.slack).raw
    var arena = bytes.mutable
    var target = arena.mutableRaw
    precondition(end + length + Text.slack <= target.byteCount, "BUG: no room for a name")
    // Up to seven bytes behind a name are copied too; both columns have slack.
    for offset in stride(from: 0, to: length, by: 8) {
      let word: UInt64 = unsafe source.integer(atUnchecked: start &+ offset)
      unsafe target.storeBytes(of: word, toUncheckedByteOffset: end &+ offset, as: UInt64.self)
    }
    copy.start = end + head
    entries[3 * count] = other.entries[3 * entry]
    entries[3 * count + 1] = other.entries[3 * entry + 1]
    entries[3 * count + 2] = copy.word
    byteCount = end + length
    count += 1
    return UInt32(truncatingIfNeeded: count - 1)
  }

  private static func decode(
    _ added: Int, hasTypes: Bool, of frame: RawSpan, at offset: inout Int, end: Int,
    place: inout Mark, to entries: inout Column<UInt64>, names: inout Column<UInt8>
  ) throws(WireError) -> UInt8 {
    var faults: UInt8 = 0
    var words = entries.mutable
    var arena = names.mutable
    var target = arena.mutableRaw
    for _ in 0..<added {
      var entry = Entry(
        start: place.byteCount, length: 0, type: ContextType.other.rawValue, fault: 0)
      let head = hasTypes ? 2 : 1
      guard end - offset >= head else { throw .malformedBody(offset: offset, .truncatedTable) }
      if hasTypes {
        entry.type = frame.integer(at: offset)
        if entry.type > ContextType.other.rawValue {
          entry.type = ContextType.other.rawValue
          entry.fault = RejectionReason.malformedRecord.rawValue
        }
        target.storeBytes(of: entry.type, toByteOffset: place.byteCount, as: UInt8.self)
        entry.start &+= 1
      }
      entry.length = Int(frame.integer(at: offset + head - 1, as: UInt8.self))
      let start = offset + head
      guard entry.length <= end - start else {
        throw .malformedBody(offset: offset, .truncatedTable)
      }
      let copied = unsafe Text.copyName(
        frame, from: start, count: entry.length, to: &target, at: entry.start)
      if entry.fault == 0, !copied.isPlain || entry.length == 0 {
        entry.fault = Text.fault(
          frame.extracting(start..<start + entry.length), whenEmpty: hasTypes ? nil : .nameEmpty)
      }
      words[3 &* place.count] = copied.first
      words[3 &* place.count &+ 1] = copied.last
      faults |= entry.fault
      words[3 &* place.count &+ 2] = entry.word
      place.count += 1
      place.byteCount = entry.start + entry.length
      offset = start + entry.length
    }
    return faults
  }
}

/// One entry of a table, packed into a word.
private struct Entry {
  var start: Int
  var length: Int
  var type: UInt8
  var fault: UInt8

  init(start: Int, length: Int, type: UInt8, fault: UInt8) {
    self.start = start
    self.length = length
    self.type = type
    self.fault = fault
  }

  init(word: UInt64) {
    start = Int(truncatingIfNeeded: word & 0xFFFF_FFFF)
    length = Int(truncatingIfNeeded: word >> 32 & 0xFF)
    type = UInt8(truncatingIfNeeded: word >> 40)
    fault = UInt8(truncatingIfNeeded: word >> 48)
  }

  /// Start in bits 0–31, length in 32–39, type in 40–47, fault in 48–55.
  var word: UInt64 {
    UInt64(truncatingIfNeeded: start) | UInt64(truncatingIfNeeded: length) << 32
      | UInt64(type) << 40 | UInt64(fault) << 48
  }
}
