/// Divides a group of frames among parts, by the tenants of its records.
///
/// Every part gets every frame, with only its own records, names and keys. Records keep their order
/// and their number in the batch (``UsageColumns/numberInBatch(_:ofFrame:)``). Capacities are kept
/// from group to group. One thread owns a value of this type.
public struct UsageSplit: ~Copyable, Sendable {
  /// The records of one part.
  private struct Selection {
    /// Their places in the group.
    var records = Column<UInt32>()
    var count = 0
    /// For each frame, how many records there are up to its end.
    var ends: [Int] = []
  }

  private var selections: [Selection]
  /// The part of each entry of the group's tenants.
  private var parts: [UInt8] = []
  /// What the entries of the group's names are in the part that is being filled; 0 for none yet.
  private var tenants = Column<UInt32>()
  private var operations = Column<UInt32>()
  private var contexts = Column<UInt32>()

  /// A division into this many parts, 1 to 255.
  public init(parts count: Int) {
    precondition((1...255).contains(count), "BUG: a division into \(count) parts")
    selections = Array(repeating: Selection(), count: count)
  }

  /// Decides which part each record goes to.
  ///
  /// - Parameters:
  ///   - columns: the group.
  ///   - part: gives the part for the bytes of a tenant's name, whatever they are; called once for
  ///     each entry of the frames' tables.
  /// - Complexity: O(records and entries).
  public mutating func divide(
    _ columns: borrowing UsageColumns, by part: (RawSpan) -> Int
  ) {
    parts.removeAll(keepingCapacity: true)
    for entry in 0..<columns.tenants.count {
      parts.append(UInt8(truncatingIfNeeded: part(columns.tenants.name(entry))))
    }
    for index in selections.indices {
      selections[index].records.reserve(columns.count)
      selections[index].count = 0
      selections[index].ends.removeAll(keepingCapacity: true)
    }
    let tenants = columns.tenant
    for frame in columns.frames.indices {
      for record in columns.frames[frame].records {
        let place = Int(parts[Int(tenants[record])])
        let count = selections[place].count
        selections[place].records[count] = UInt32(truncatingIfNeeded: record)
        selections[place].count = count + 1
      }
      for index in selections.indices { selections[index].ends.append(selections[index].count) }
    }
  }

  /// Makes the columns of one part of the group that was divided.
  ///
  /// - Parameters:
  ///   - part: its number.
  ///   - columns: the group.
  ///   - target: the columns of the part; what they held is dropped.
  /// - Complexity: O(frames, and records of the part).
  public mutating func fill(
    _ part: Int, of columns: borrowing UsageColumns, into target: inout UsageColumns
  ) {
    target.removeAll()
    forgetNames(columns)
    let count = selections[part].count
    target.reserve(records: count, keyBytes: columns.keyByteCount)
    // Lent out of the array, whose elements could not be read while names are noted.
    var selection = Selection()
    swap(&selection, &selections[part])
    defer { swap(&selection, &selections[part]) }
    let records = selection.records.prefix(count)
    var first = 0
    for frame in columns.frames.indices {
      let end = selection.ends[frame]
      appendFrame(columns, frame, records, first..<end, to: &target)
      first = end
    }
    target.gather(columns, at: records)
  }

  private mutating func forgetNames(_ columns: borrowing UsageColumns) {
    tenants.clear(columns.tenants.count)
    operations.clear(columns.operations.count)
    contexts.clear(columns.contexts.count)
  }

  /// Appends a frame with the names of its records.
  private mutating func appendFrame(
    _ columns: borrowing UsageColumns, _ frame: Int, _ records: Span<UInt32>,
    _ places: Range<Int>, to target: inout UsageColumns
  ) {
    let whole = columns.frames[frame]
    let before = (target.tenants.count, target.operations.count, target.contexts.count)
    let (tenant, operation, context) = (columns.tenant, columns.operation, columns.context)
    for place in places {
      let record = Int(records[place])
      let entries = (Int(tenant[record]), Int(operation[record]), Int(context[record]))
      if entries.0 > 0, tenants[entries.0] == 0 {
        tenants[entries.0] = target.tenants.append(entries.0, of: columns.tenants)
      }
      if entries.1 > 0, operations[entries.1] == 0 {
        operations[entries.1] = target.operations.append(entries.1, of: columns.operations)
      }
      if entries.2 > 0, contexts[entries.2] == 0 {
        contexts[entries.2] = target.contexts.append(
          entries.2, of: columns.contexts, hasTypes: true)
      }
      target.append(
        tenant: tenants[entries.0], operation: operations[entries.1], context: contexts[entries.2],
        number: UInt32(truncatingIfNeeded: record - whole.records.lowerBound), at: place)
    }
    var header = whole.header
    header.recordCount = places.count
    target.append(
      FrameRanges(
        header: header, records: places, tenants: before.0..<target.tenants.count,
        operations: before.1..<target.operations.count,
        contexts: before.2..<target.contexts.count, source: whole.source),
      source: columns.sourceName(ofFrame: frame))
  }
}

extension Column {
  /// Makes the first values 0.
  fileprivate mutating func clear(_ count: Int) {
    reserve(count)
    for index in 0..<count { self[index] = 0 }
  }
}
