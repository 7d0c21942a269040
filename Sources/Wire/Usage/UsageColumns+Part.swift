extension UsageColumns {
  /// The number of a record in its batch, from 0.
  ///
  /// In a part of a group (``UsageSplit``) a frame has only some of its batch's records.
  @inline(__always)
  public func numberInBatch(_ record: Int, ofFrame frame: Int) -> Int {
    numbers.isEmpty ? record - frameList[frame].records.lowerBound : Int(numbers[record])
  }

  /// Makes room for the records of a part.
  mutating func reserve(records: Int, keyBytes: Int) {
    block.reserve(records, keeping: 0)
    keyArena.reserve(keyBytes + Text.slack)
  }

  /// Appends a frame of a part, whose records are there.
  mutating func append(_ frame: FrameRanges, source: RawSpan) {
    let start = sourceBytes.count
    for index in 0..<source.byteCount { sourceBytes.append(source.integer(at: index)) }
    var frame = frame
    frame.source = start..<sourceBytes.count
    frameList.append(frame)
  }

  /// Puts the names of a record of a part into their columns, and notes its number in its batch.
  mutating func append(
    tenant: UInt32, operation: UInt32, context: UInt32, number: UInt32, at place: Int
  ) {
    precondition(place == count && place < block.layout.capacity, "BUG: no room for a record")
    let layout = block.layout
    var words = block.mutable
    var columns = words.mutableRaw
    unsafe columns.put(tenant, layout.tenants, place)
    unsafe columns.put(operation, layout.operations, place)
    unsafe columns.put(context, layout.contexts, place)
    numbers.append(number)
    count += 1
  }

  /// Copies everything but the names of records of a group, which are there already.
  mutating func gather(_ group: borrowing UsageColumns, at records: Span<UInt32>) {
    precondition(records.count == count, "BUG: a part without the names of its records")
    guard count > 0 else { return }
    keyByteCount = Self.gather(group, at: records, to: &block, keys: &keyArena)
  }

  /// Copies records of a group, their keys one behind the other.
  ///
  /// - Returns: where the next key would go.
  private static func gather(
    _ group: borrowing UsageColumns, at records: Span<UInt32>, to block: inout ColumnBlock,
    keys: inout Column<UInt8>
  ) -> Int {
    let layout = block.layout
    let (starts, lengths) = (group.keyOffset, group.keyLength)
    let source = group.keyArena.prefix(group.keyByteCount + Text.slack).raw
    var words = block.mutable
    var columns = words.mutableRaw
    var arena = keys.mutable
    var target = arena.mutableRaw
    // These two lines, and the one on each key, are what the unchecked accesses below rest on.
    precondition(
      records.count <= layout.capacity && layout.byteCount <= columns.byteCount,
      "BUG: no room for the records of a part")
    precondition(
      group.keyByteCount + Text.slack <= target.byteCount, "BUG: no room for the keys of a part")
    unsafe columns.gather(group.time, at: records, to: layout.times)
    unsafe columns.gather(group.quantity, at: records, to: layout.quantities)
    unsafe columns.gather(group.kind, at: records, to: layout.kinds)
    unsafe columns.gather(group.fault, at: records, to: layout.faults)
    unsafe columns.gather(group.keyForm, at: records, to: layout.keyForms)
    unsafe columns.gather(lengths, at: records, to: layout.keyLengths)
    var end = 0
    for place in records.indices {
      let record = Int(records[place])
      let (start, length) = (Int(starts[record]), Int(lengths[record]))
      precondition(
        start + length <= group.keyByteCount && end + length <= group.keyByteCount,
        "BUG: a key outside its group")
      var offset = 0
      // Up to seven bytes behind a key are copied too: the next key, or nobody, stands there.
      while offset < length {
        let word: UInt64 = unsafe source.integer(atUnchecked: start &+ offset)
        unsafe target.storeBytes(of: word, toUncheckedByteOffset: end &+ offset, as: UInt64.self)
        offset &+= 8
      }
      unsafe columns.put(UInt32(truncatingIfNeeded: end), layout.keyOffsets, place)
      end &+= length
    }
    return end
  }
}

extension MutableRawSpan {
  /// Stores chosen values of a column side by side from `start` on, where there is room for them.
  @unsafe
  @_lifetime(self: copy self)
  fileprivate mutating func gather<Element: FixedWidthInteger & BitwiseCopyable>(
    _ values: Span<Element>, at records: Span<UInt32>, to start: Int
  ) {
    for place in records.indices { unsafe put(values[Int(records[place])], start, place) }
  }
}
