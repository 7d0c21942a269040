/// The names of tenants, operations or contexts, each under a dense number in order of first use.
///
/// A name is bytes, compared exactly. The caller gives its 64-bit hash, with a seed that senders do
/// not know, so that they cannot choose names that collide. Names are never forgotten; their number
/// is limited. One thread owns a table.
public struct NameTable: ~Copyable, Sendable {
  /// The longest name in bytes: 255 and the type of a context.
  public static let maximumNameLength = 256

  struct Entry: BitwiseCopyable {
    /// The first and the last eight bytes, which overlap in a short name: up to sixteen bytes they
    /// and the length are the name.
    var ends: NameEnds
    /// Number of the first byte in the arena, and the length in the low 9 bits.
    var place: UInt64
  }

  /// The largest number of names.
  public let limit: Int

  private var index = HashIndex()
  private var entries = ChunkedRows<Entry>(chunkShift: 12)
  /// The bytes of all names; each name lies in one chunk.
  private var arena = ChunkedRows<UInt8>(chunkShift: 16)

  /// A table of at most `limit` names, which must be from 0 to 2³² − 1.
  public init(limit: Int) {
    precondition(
      limit >= 0 && limit <= Int(UInt32.max), "BUG: a limit of names that 32 bits cannot number")
    self.limit = limit
  }

  /// Number of names.
  public var count: Int { entries.count }

  /// Bytes of memory held.
  public var byteCount: Int { index.byteCount + entries.byteCount + arena.byteCount }

  /// The number of a name, or nil if it was never interned. O(1).
  ///
  /// - Parameters:
  ///   - bytes: the name.
  ///   - hash: its hash, the same for the same bytes.
  public func find(_ bytes: RawSpan, hash: UInt64) -> UInt32? {
    let ends = NameEnds(bytes)
    return index.find(hash) { row in
      let entry = unsafe entries.pointer(Int(row)).pointee
      guard NameTable.length(of: entry.place) == bytes.byteCount, entry.ends == ends else {
        return false
      }
      return bytes.byteCount <= NameEnds.wholeLength || isEqual(entry.place, bytes)
    }
  }

  /// Whether the name with this number has these bytes; a number that was never given traps.
  @inline(__always)
  func isName(_ number: UInt32, _ bytes: RawSpan) -> Bool {
    let place = unsafe entries.pointer(Int(number)).pointee.place
    return NameTable.length(of: place) == bytes.byteCount && isEqual(place, bytes)
  }

  /// The number of a name, which it gets now if it is new. Amortised O(1).
  ///
  /// - Parameters:
  ///   - bytes: the name, at most ``maximumNameLength`` bytes; a longer one is a bug and traps.
  ///   - hash: its hash, the same for the same bytes.
  /// - Returns: nil if the name is new and the table holds ``limit`` names.
  public mutating func intern(_ bytes: RawSpan, hash: UInt64) -> UInt32? {
    if let known = find(bytes, hash: hash) { return known }
    guard entries.count < limit else { return nil }
    precondition(
      bytes.byteCount <= NameTable.maximumNameLength, "BUG: a name is longer than admission allows")
    let number = UInt32(truncatingIfNeeded: entries.count)
    let place = store(bytes)
    unsafe entries.append().initialize(to: Entry(ends: NameEnds(bytes), place: place))
    index.insert(hash, row: number)
    return number
  }

  /// Lends the bytes of the name with this number; a number that was never given traps. O(1).
  public func withBytes<Result: ~Copyable, Failure: Error>(
    of number: UInt32, _ body: (RawSpan) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try body(bytes(of: number))
  }

  /// The bytes of the name with this number; a number that was never given traps. O(1).
  @_lifetime(borrow self)
  public func bytes(of number: UInt32) -> RawSpan {
    let place = unsafe entries.pointer(Int(number)).pointee.place
    let span = unsafe RawSpan(
      _unsafeStart: UnsafeRawPointer(start(of: place)), byteCount: NameTable.length(of: place))
    return unsafe _overrideLifetime(span, borrowing: self)
  }

  /// The name with this number; a number that was never given traps. O(length).
  public func name(of number: UInt32) -> String {
    let place = unsafe entries.pointer(Int(number)).pointee.place
    let buffer = unsafe UnsafeRawBufferPointer(
      start: start(of: place), count: NameTable.length(of: place))
    return unsafe String(decoding: buffer, as: UTF8.self)
  }

  /// Copies a name into the arena. An empty one takes a byte too, so that it has a place.
  private mutating func store(_ bytes: RawSpan) -> UInt64 {
    let first = arena.appendRun(max(bytes.byteCount, 1))
    let target = unsafe UnsafeMutableRawBufferPointer(
      start: arena.pointer(first), count: bytes.byteCount)
    unsafe bytes.withUnsafeBytes { source in unsafe target.copyMemory(from: source) }
    return UInt64(first) << 9 | UInt64(bytes.byteCount)
  }

  @inline(__always)
  private func start(of place: UInt64) -> UnsafeMutableRawPointer {
    unsafe UnsafeMutableRawPointer(arena.pointer(Int(place >> 9)))
  }

  @inline(__always)
  private static func length(of place: UInt64) -> Int { Int(place & 0x1FF) }

  /// Whether a stored name has these bytes in the middle; their number and ends are equal.
  private func isEqual(_ place: UInt64, _ bytes: RawSpan) -> Bool {
    let known = unsafe RawSpan(
      _unsafeStart: UnsafeRawPointer(start(of: place)), byteCount: bytes.byteCount)
    var offset = 8
    while offset &+ 8 < bytes.byteCount {
      if known.word(at: offset) != bytes.word(at: offset) { return false }
      offset &+= 8
    }
    return true
  }
}

/// The first and the last eight bytes of a name.
struct NameEnds: BitwiseCopyable, Equatable {
  /// The longest name that its ends and its length determine.
  static let wholeLength = 16

  var first: UInt64
  var last: UInt64

  @inline(__always)
  init(_ bytes: RawSpan) {
    let count = bytes.byteCount
    if count >= 8 {
      (first, last) = (bytes.word(at: 0), bytes.word(at: count &- 8))
    } else if count >= 4 {
      (first, last) = (UInt64(bytes.halfWord(at: 0)), UInt64(bytes.halfWord(at: count &- 4)))
    } else if count > 0 {
      first = UInt64(bytes.byte(at: 0)) | UInt64(bytes.byte(at: count / 2)) << 8
      last = UInt64(bytes.byte(at: count &- 1))
    } else {
      (first, last) = (0, 0)
    }
  }
}
