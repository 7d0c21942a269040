import SegmentLog
import Wire

/// How many of everything a usage block holds: the first column.
private struct UsageBlockCounts {
  static let fieldCount = 10

  var receipts: Int
  var exceptions: Int
  var records: Int
  var late: Int
  var overflowed: Int
  var textKeys: Int
  var tenants: Int
  var operations: Int
  var contexts: Int
  var sources: Int

  var fields: [UInt32] {
    [
      receipts, exceptions, records, late, overflowed, textKeys, tenants, operations, contexts,
      sources,
    ].map { UInt32(truncatingIfNeeded: $0) }
  }

  init(_ block: borrowing UsageBlock) {
    receipts = block.receipts.count
    exceptions = block.receipts.exceptionCodes.count
    records = block.records.count
    late = block.records.bookings.count
    overflowed = block.records.payloads.count
    textKeys = block.records.textKeyLengths.count
    tenants = block.names.tenants.count
    operations = block.names.operations.count
    contexts = block.names.contexts.count
    sources = block.names.sources.count
  }

  init(_ fields: [UInt32]) {
    receipts = Int(fields[0])
    exceptions = Int(fields[1])
    records = Int(fields[2])
    late = Int(fields[3])
    overflowed = Int(fields[4])
    textKeys = Int(fields[5])
    tenants = Int(fields[6])
    operations = Int(fields[7])
    contexts = Int(fields[8])
    sources = Int(fields[9])
  }
}

extension UsageBlock {
  /// Appends the columns of the block; the raw keys go into the block's raw section.
  ///
  /// The article *Usage blocks* lists the columns.
  func encode(into writer: inout ColumnWriter) {
    let counts = UsageBlockCounts(self).fields
    writer.append(counts.span)
    names.tenants.encode(into: &writer)
    names.operations.encode(into: &writer)
    names.contexts.encode(into: &writer)
    names.sources.encode(into: &writer)
    writer.append(receipts.sources.span)
    writer.append(receipts.epochs.span)
    writer.append(receipts.sequences.span)
    writer.append(receipts.highestIssued.span)
    writer.append(deltas: receipts.arrivals.span)
    writer.append(receipts.keyIDs.span)
    writer.append(receipts.received.span)
    writer.append(receipts.exceptionCounts.span)
    writer.append(receipts.rejectedBytes.span)
    writer.append(receipts.exceptionIndices.span)
    writer.append(receipts.exceptionCodes.span)
    let hours = receipts.exceptionHours.map { UInt32(bitPattern: $0) }
    writer.append(hours.span)
    writer.append(deltas: records.times.span)
    writer.append(records.quantities.span)
    writer.append(records.flags.span)
    writer.append(records.tenants.span)
    writer.append(records.operations.span)
    writer.append(records.contexts.span)
    writer.append(records.weights.span)
    let bookings = records.bookings.map { UInt32(bitPattern: $0) }
    writer.append(bookings.span)
    writer.append(records.payloads.span)
    writer.append(records.textKeyLengths.span)
    writer.append(bytes: records.textKeys.span.raw)
  }

  /// Replaces the content by that of a block of the log.
  ///
  /// - Parameters:
  ///   - source: the block.
  ///   - columns: its decompressed columns.
  /// - Throws: `SegmentError` for columns that cannot be cut, ``JournalError`` for content that
  ///   contradicts itself. The block is then empty.
  mutating func decode(_ source: borrowing SegmentBlock, columns: [UInt8]) throws {
    var reader = ColumnReader(columns.span.raw, segment: source.segment, block: source.offset)
    removeAll()
    do {
      try decodeColumns(&reader)
    } catch {
      removeAll()
      throw error
    }
    records.append(rawKeys: source.raw)
    if let problem = contradiction(
      entryCount: source.header.entryCount, rawByteCount: source.raw.byteCount)
    {
      removeAll()
      throw JournalError(position: source.header.start.position, problem: problem)
    }
    if !records.bookings.isEmpty { records.convertBookings() }
  }

  @_lifetime(reader: copy reader)
  private mutating func decodeColumns(_ reader: inout ColumnReader) throws(SegmentError) {
    var fields: [UInt32] = []
    try reader.read(count: UsageBlockCounts.fieldCount, into: &fields)
    let counts = UsageBlockCounts(fields)
    try names.tenants.decode(&reader, count: counts.tenants)
    try names.operations.decode(&reader, count: counts.operations)
    try names.contexts.decode(&reader, count: counts.contexts)
    try names.sources.decode(&reader, count: counts.sources)
    try receipts.decode(&reader, count: counts.receipts, exceptions: counts.exceptions)
    try records.decode(
      &reader, count: counts.records, late: counts.late, overflowed: counts.overflowed,
      textKeys: counts.textKeys)
    try reader.finish()
  }

  /// What contradicts itself in the content, or nil. Whatever passes can be used without a check.
  private func contradiction(entryCount: Int, rawByteCount: Int) -> String? {
    guard self.entryCount == entryCount else {
      return "\(self.entryCount) entries in a block of \(entryCount)"
    }
    guard names.areComplete else { return "lengths of names that do not add up to their bytes" }
    guard names.areWithinLimits else { return "a name that is empty or too long" }
    return receipts.contradiction(sources: names.sources.count, logged: records.count)
      ?? records.contradiction(
        tenants: names.tenants.count, operations: names.operations.count,
        contexts: names.contexts, rawByteCount: rawByteCount)
  }
}

extension UsageBlockReceipts {
  @_lifetime(reader: copy reader)
  fileprivate mutating func decode(
    _ reader: inout ColumnReader, count: Int, exceptions: Int
  ) throws(SegmentError) {
    try reader.read(count: count, into: &sources)
    try reader.read(count: count, into: &epochs)
    try reader.read(count: count, into: &sequences)
    try reader.read(count: count, into: &highestIssued)
    try reader.read(deltas: count, into: &arrivals)
    try reader.read(count: count, into: &keyIDs)
    try reader.read(count: count, into: &received)
    try reader.read(count: count, into: &exceptionCounts)
    try reader.read(count: count, into: &rejectedBytes)
    try reader.read(count: exceptions, into: &exceptionIndices)
    try reader.read(count: exceptions, into: &exceptionCodes)
    var hours: [UInt32] = []
    try reader.read(count: exceptions, into: &hours)
    exceptionHours = hours.map { Int32(bitPattern: $0) }
  }

  fileprivate func contradiction(sources sourceCount: Int, logged: Int) -> String? {
    guard sources.allSatisfy({ $0 < sourceCount }) else { return "a source without a name" }
    var exception = 0
    var records = 0
    for receipt in 0..<count {
      guard (0...Timestamp.latest.milliseconds).contains(arrivals[receipt]) else {
        return "a receipt of time \(arrivals[receipt])"
      }
      let end = exception + Int(exceptionCounts[receipt])
      guard end <= exceptionCodes.count else { return "more exceptions counted than listed" }
      guard exceptionCounts[receipt] <= received[receipt] else {
        return "\(exceptionCounts[receipt]) exceptions of \(received[receipt]) records"
      }
      var next: UInt32 = 0
      for place in exception..<end {
        // A partition may hold few records of a long batch.
        guard exceptionIndices[place] >= next, exceptionIndices[place] < WireLimits.mostRecords
        else { return "an exception of record \(exceptionIndices[place]) behind \(next)" }
        next = exceptionIndices[place] + 1
        let code = AckCode(rawValue: exceptionCodes[place])
        guard code.verdict != nil, code != .accepted else {
          return "an exception with code \(code.rawValue)"
        }
        if code != .late { records -= 1 }
      }
      records += Int(received[receipt])
      exception = end
    }
    guard exception == exceptionCodes.count else { return "more exceptions listed than counted" }
    return records == logged ? nil : "\(logged) records of \(records) that the receipts count"
  }
}

extension UsageBlockRecords {
  @_lifetime(reader: copy reader)
  fileprivate mutating func decode(
    _ reader: inout ColumnReader, count: Int, late: Int, overflowed: Int, textKeys keyCount: Int
  ) throws(SegmentError) {
    try reader.read(deltas: count, into: &times)
    try reader.read(count: count, into: &quantities)
    try reader.read(count: count, into: &flags)
    try reader.read(count: count, into: &tenants)
    try reader.read(count: count, into: &operations)
    try reader.read(count: count, into: &contexts)
    try reader.read(count: count, into: &weights)
    var bookings: [UInt32] = []
    try reader.read(count: late, into: &bookings)
    self.bookings = bookings.map { Int32(bitPattern: $0) }
    try reader.read(count: overflowed, into: &payloads)
    try reader.read(count: keyCount, into: &textKeyLengths)
    let text = try reader.readBytes()
    textKeys.append(text)
  }

  /// Takes over the whole words of a block's raw section.
  fileprivate mutating func append(rawKeys bytes: RawSpan) {
    let count = bytes.byteCount / 8
    rawKeys.append(addingCapacity: count) { words in
      for word in 0..<count { words.append(bytes.word(at: word * 8).littleEndian) }
    }
  }

  fileprivate func contradiction(
    tenants tenantCount: Int, operations operationCount: Int, contexts contextNames: NameList,
    rawByteCount: Int
  ) -> String? {
    var (late, overflowed, text) = (0, 0, 0)
    for record in 0..<count {
      let flag = flags[record]
      guard flag & UsageFlags.reserved == 0, flag & UsageFlags.kindMask <= 2,
        flag & (UsageFlags.late | UsageFlags.bookingHour) != UsageFlags.bookingHour
      else { return "a record with flags \(flag)" }
      late += flag & UsageFlags.late == 0 ? 0 : 1
      overflowed += flag & UsageFlags.overflow == 0 ? 0 : 1
      text += flag & UsageFlags.textKey == 0 ? 0 : 1
      guard tenants[record] < tenantCount, operations[record] < operationCount,
        contexts[record] < contextNames.count
      else { return "record \(record) without a name" }
      guard (0...Timestamp.latest.milliseconds).contains(times[record]),
        quantities[record] != .min, weights[record] <= WeightTable.maximumWeight
      else { return "record \(record) outside the limits of admission" }
    }
    for number in 0..<contextNames.count {
      let name = contextNames.name(number)
      guard name.byteCount > 0, ContextType(rawValue: name.byte(at: 0)) != nil
      else { return "context \(number) without a type" }
    }
    guard late == bookings.count, overflowed == payloads.count, text == textKeyLengths.count
    else { return "flags and columns do not agree" }
    guard areBookingsValid else { return "a booking outside 1970 to 9999" }
    let textBytes = textKeyLengths.reduce(into: 0) { $0 += Int($1) }
    guard textBytes == textKeys.count, rawByteCount == (count - text) * 16 else {
      return "keys of \(textKeys.count) and \(rawByteCount) bytes"
    }
    return nil
  }
}

extension UsageBlockRecords {
  /// Whether every booking is an hour from 1970 to 9999, or of an older version a month.
  private var areBookingsValid: Bool {
    var next = 0
    for flag in flags where flag & UsageFlags.late != 0 {
      let booking = bookings[next]
      next += 1
      let isValid =
        flag & UsageFlags.bookingHour == 0
        ? BillingPeriod(month: booking).isValid
        : (0...Hour(containing: .latest).index).contains(booking)
      guard isValid else { return false }
    }
    return true
  }

  /// Turns the months of an older version into the hours in which they begin.
  fileprivate mutating func convertBookings() {
    var next = 0
    for place in flags.indices where flags[place] & UsageFlags.late != 0 {
      if flags[place] & UsageFlags.bookingHour == 0 {
        bookings[next] = BillingPeriod(month: bookings[next]).firstHour.index
        flags[place] |= UsageFlags.bookingHour
      }
      next += 1
    }
  }
}

extension NameList {
  fileprivate func encode(into writer: inout ColumnWriter) {
    writer.append(lengths.span)
    writer.append(bytes: bytes.span.raw)
  }

  @_lifetime(reader: copy reader)
  fileprivate mutating func decode(
    _ reader: inout ColumnReader, count: Int
  ) throws(SegmentError) {
    var lengths: [UInt16] = []
    try reader.read(count: count, into: &lengths)
    let content = try reader.readBytes()
    self = NameList(lengths: lengths, content: content)
  }
}
