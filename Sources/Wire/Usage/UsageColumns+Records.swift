extension UsageColumns {
  /// Appends the records of a frame whose tables are appended, and moves the offset behind them.
  mutating func appendRecords(
    of frame: RawSpan, header: FrameHeader, tables: FrameTables, at offset: inout Int
  ) throws(WireError) {
    let first = count
    block.reserve(first + header.recordCount, keeping: first)
    keyArena.reserve(keyByteCount + header.bodyEnd - offset + Text.slack)
    let place = (record: first, key: keyByteCount)
    keyByteCount = try Self.decode(
      frame, header, tables, at: &offset, place: place, to: &block, keys: &keyArena)
    count += header.recordCount
    if tables.hasFaults { noteNameFaults(from: first) }
  }

  /// Decodes the records of a frame into the columns.
  ///
  /// This is the hottest loop of the service. All columns have room for the frame's records, and
  /// the arena has room for the body and some slack.
  ///
  /// - Returns: where the next key goes.
  private static func decode(
    _ frame: RawSpan, _ header: FrameHeader, _ tables: FrameTables, at offset: inout Int,
    place: (record: Int, key: Int), to block: inout ColumnBlock, keys: inout Column<UInt8>
  ) throws(WireError) -> Int {
    let end = header.bodyEnd
    let base = header.baseTime.milliseconds
    let layout = block.layout
    var position = offset
    var keyEnd = place.key
    var words = block.mutable
    var columns = words.mutableRaw
    var arena = keys.mutable
    var keyBytes = arena.mutableRaw
    // Every key is a part of the body, so that all keys of the frame find room. These two lines
    // and the length of the frame are what the unchecked accesses below rest on.
    precondition(
      place.record + header.recordCount <= layout.capacity
        && layout.byteCount <= columns.byteCount, "BUG: no room for a record")
    precondition(
      frame.byteCount - end >= FrameHeader.tagLength
        && keyEnd + (end - position) + Text.slack <= keyBytes.byteCount, "BUG: no room for a key")

    for record in place.record..<place.record + header.recordCount {
      let fields = try RecordFields(frame, at: &position, end: end)
      var isTextPlain = true
      if fields.isText {
        isTextPlain =
          unsafe Text.copy(
            frame, from: fields.keyStart, count: fields.keyLength, to: &keyBytes, at: keyEnd)
          && fields.keyLength > 0
      } else {
        let low: UInt64 = unsafe frame.integer(atUnchecked: fields.keyStart)
        let high: UInt64 = unsafe frame.integer(atUnchecked: fields.keyStart &+ 8)
        unsafe keyBytes.storeBytes(of: low, toUncheckedByteOffset: keyEnd, as: UInt64.self)
        unsafe keyBytes.storeBytes(of: high, toUncheckedByteOffset: keyEnd &+ 8, as: UInt64.self)
      }
      var index = tables.resolve(fields)
      var (time, overflow) = base.addingReportingOverflow(fields.time)
      var kind = fields.descriptor & 3
      var fault: UInt8 = 0
      if !isTextPlain || overflow || !index.isComplete || fields.isSuspect
        || UInt64(bitPattern: time) > UInt64(bitPattern: Timestamp.latest.milliseconds)
      {
        fault = RecordFields.fault(
          descriptor: fields.descriptor, quantity: fields.quantity,
          time: overflow ? nil : time, isComplete: index.isComplete,
          key: frame.extracting(fields.keyStart..<position))
        index = tables.bounded(index, of: fields)
        if overflow { time = fields.time < 0 ? .min : .max }
        if kind == 3 { kind = 0 }
      }
      unsafe columns.put(time, layout.times, record)
      unsafe columns.put(fields.quantity, layout.quantities, record)
      unsafe columns.put(index.tenant, layout.tenants, record)
      unsafe columns.put(index.operation, layout.operations, record)
      unsafe columns.put(index.context, layout.contexts, record)
      unsafe columns.put(UInt32(truncatingIfNeeded: keyEnd), layout.keyOffsets, record)
      unsafe columns.put(kind, layout.kinds, record)
      unsafe columns.put(fault, layout.faults, record)
      unsafe columns.put(fields.descriptor &>> 2 & 1, layout.keyForms, record)
      unsafe columns.put(UInt8(truncatingIfNeeded: fields.keyLength), layout.keyLengths, record)
      keyEnd &+= fields.keyLength
    }
    offset = position
    return keyEnd
  }

  /// Rejects the records from `first` on that use a name with a fault.
  private mutating func noteNameFaults(from first: Int) {
    for record in first..<count {
      var lowest = UInt8.max
      let reasons = [
        RejectionReason(rawValue: fault[record]), tenants.fault(Int(tenant[record])),
        operations.fault(Int(operation[record])), contexts.fault(Int(context[record])),
      ]
      for reason in reasons { lowest = min(lowest, reason?.rawValue ?? .max) }
      guard lowest != .max else { continue }
      let faults = block.layout.faults
      var words = block.mutable
      var columns = words.mutableRaw
      unsafe columns.put(lowest, faults, record)
    }
  }
}

extension MutableRawSpan {
  /// Stores one value of a column that begins at `start` and has room for it.
  @unsafe
  @inline(__always)
  @_lifetime(self: copy self)
  mutating func put<Element: FixedWidthInteger & BitwiseCopyable>(
    _ value: Element, _ start: Int, _ record: Int
  ) {
    unsafe storeBytes(
      of: value, toUncheckedByteOffset: start &+ record &* MemoryLayout<Element>.stride,
      as: Element.self)
  }
}
