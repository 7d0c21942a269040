/// The usage records of a group of frames as a structure of arrays.
///
/// Each field of all records stands in one span, so that the stages behind it (hash, probe, fold)
/// run over dense values. Appending a frame allocates only while capacities still grow; they are
/// kept from group to group. One thread owns a value of this type.
///
/// A record with a ``fault`` is rejected. Its other fields hold what could be read, and its
/// indices are always valid: what could not be read is 0, and a time outside 64 bits is the
/// nearest 64-bit value.
public struct UsageColumns: ~Copyable, Sendable {
  /// Number of records.
  public internal(set) var count = 0
  /// Names of tenants; entry 0 stands for an index past its table.
  public internal(set) var tenants = NameColumn()
  /// Names of operations; entry 0 stands for an index past its table.
  public internal(set) var operations = NameColumn()
  /// Names and types of contexts; entry 0 stands for none: type `other` and an empty name.
  public internal(set) var contexts = NameColumn()

  var frameList: [FrameRanges] = []
  /// In a part of a group the number of each record in its batch; otherwise empty.
  var numbers: [UInt32] = []
  var sourceBytes: [UInt8] = []
  var keyByteCount = 0
  var block = ColumnBlock()
  var keyArena = Column<UInt8>()

  /// Columns without records.
  public init() {}

  /// Drops all frames and keeps the capacity.
  public mutating func removeAll() {
    count = 0
    keyByteCount = 0
    numbers.removeAll(keepingCapacity: true)
    frameList.removeAll(keepingCapacity: true)
    sourceBytes.removeAll(keepingCapacity: true)
    tenants.removeAll()
    operations.removeAll()
    contexts.removeAll()
  }

  /// The frames, in the order in which they were appended.
  public var frames: Span<FrameRanges> {
    @_lifetime(borrow self)
    get { frameList.span }
  }

  /// The bytes of the source name of a frame.
  @_lifetime(borrow self)
  public func sourceName(ofFrame frame: Int) -> RawSpan {
    sourceBytes.span.raw.extracting(frameList[frame].source)
  }

  /// The raw value of each record's ``UsageKind``.
  public var kind: Span<UInt8> {
    @_lifetime(borrow self)
    get { block.values(at: block.layout.kinds, count: count) }
  }

  /// Each record's entry in ``tenants``.
  public var tenant: Span<UInt32> {
    @_lifetime(borrow self)
    get { block.values(at: block.layout.tenants, count: count) }
  }

  /// Each record's entry in ``operations``.
  public var operation: Span<UInt32> {
    @_lifetime(borrow self)
    get { block.values(at: block.layout.operations, count: count) }
  }

  /// Each record's entry in ``contexts``; 0 for none.
  public var context: Span<UInt32> {
    @_lifetime(borrow self)
    get { block.values(at: block.layout.contexts, count: count) }
  }

  /// Each record's event time, milliseconds since 1970-01-01T00:00:00Z.
  public var time: Span<Int64> {
    @_lifetime(borrow self)
    get { block.values(at: block.layout.times, count: count) }
  }

  /// Each record's quantity in the unit of its kind.
  public var quantity: Span<Int64> {
    @_lifetime(borrow self)
    get { block.values(at: block.layout.quantities, count: count) }
  }

  /// For each record, 0 or the raw value of the ``RejectionReason`` that it is rejected for.
  public var fault: Span<UInt8> {
    @_lifetime(borrow self)
    get { block.values(at: block.layout.faults, count: count) }
  }

  /// For each record, 0 for a raw key of 16 bytes, 1 for a text key.
  public var keyForm: Span<UInt8> {
    @_lifetime(borrow self)
    get { block.values(at: block.layout.keyForms, count: count) }
  }

  /// Where each record's key begins in ``keyBytes``; a key ends where the next one begins.
  public var keyOffset: Span<UInt32> {
    @_lifetime(borrow self)
    get { block.values(at: block.layout.keyOffsets, count: count) }
  }

  /// Bytes of each record's key.
  public var keyLength: Span<UInt8> {
    @_lifetime(borrow self)
    get { block.values(at: block.layout.keyLengths, count: count) }
  }

  /// The bytes of all keys, one after the other.
  public var keyBytes: RawSpan {
    @_lifetime(borrow self)
    get { keyArena.prefix(keyByteCount).raw }
  }

  /// The bytes of one record's key.
  @_lifetime(borrow self)
  public func key(_ record: Int) -> RawSpan {
    let start = Int(keyOffset[record])
    return keyBytes.extracting(start..<start + Int(keyLength[record]))
  }
}
