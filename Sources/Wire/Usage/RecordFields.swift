/// The fields of one usage record as they stand in a frame.
struct RecordFields {
  var descriptor: UInt8
  var tenant: UInt64
  var operation: UInt64
  var context: UInt64
  var time: Int64
  var quantity: Int64
  /// Where the key's bytes begin.
  var keyStart: Int
  /// Bytes of the key.
  var keyLength: Int

  /// Whether the descriptor says that the key is text.
  @inline(__always)
  var isText: Bool { descriptor & 4 != 0 }

  /// Reads the record at an offset and moves the offset behind it.
  ///
  /// The frame has 16 bytes behind `end` (the tag), so that 12 bytes from the start of a record
  /// and a word at the start of a key are inside the frame wherever they begin in the body.
  @inline(__always)
  init(_ frame: RawSpan, at offset: inout Int, end: Int) throws(WireError) {
    let start = offset
    guard start < end else { throw .malformedBody(offset: start, .truncatedRecord) }
    let head: UInt32 = unsafe frame.integer(atUnchecked: start)
    let word: UInt64 = unsafe frame.integer(atUnchecked: start &+ 4)
    // The last bytes of the two varints that follow, time and quantity, have no highest bit.
    let stops = ~word & 0x8080_8080_8080_8080
    let rest = stops & (stops &- 1)
    if head & 0x8080_8000 == 0, rest != 0 {
      descriptor = UInt8(truncatingIfNeeded: head)
      tenant = UInt64(head >> 8 & 0x7F)
      operation = UInt64(head >> 16 & 0x7F)
      context = UInt64(head >> 24)
      let upToTime = stops ^ (stops &- 1)
      let upToQuantity = rest ^ (rest &- 1)
      time = Varint.signed(Varint.join(word & upToTime))
      let timeBits = UInt64(truncatingIfNeeded: stops.trailingZeroBitCount) &+ 1
      quantity = Varint.signed(
        Varint.join((word & upToQuantity) &>> (timeBits & 63)))
      keyStart = start &+ 5 &+ (rest.trailingZeroBitCount &>> 3)
    } else {
      let slow = try Self.long(frame, at: start, end: end)
      (descriptor, tenant, operation, context) = (
        slow.descriptor, slow.tenant, slow.operation, slow.context
      )
      (time, quantity, keyStart) = (slow.time, slow.quantity, slow.keyStart)
    }
    keyLength = 16
    if isText {
      guard keyStart < end else { throw .malformedBody(offset: keyStart, .truncatedRecord) }
      keyLength = Int(unsafe frame.integer(atUnchecked: keyStart, as: UInt8.self))
      keyStart &+= 1
    }
    offset = keyStart &+ keyLength
    guard offset <= end else { throw .malformedBody(offset: start, .truncatedRecord) }
  }

  private init(_ frame: RawSpan, long start: Int, end: Int) throws(WireError) {
    var offset = start + 1
    descriptor = frame.integer(at: start)
    tenant = try Self.varint(frame, at: &offset, end: end)
    operation = try Self.varint(frame, at: &offset, end: end)
    context = try Self.varint(frame, at: &offset, end: end)
    time = Varint.signed(try Self.varint(frame, at: &offset, end: end))
    quantity = Varint.signed(try Self.varint(frame, at: &offset, end: end))
    keyStart = offset
    keyLength = 0
  }

  /// The fields before the key, with varints of any length.
  @inline(never)
  private static func long(
    _ frame: RawSpan, at start: Int, end: Int
  ) throws(WireError) -> RecordFields {
    try RecordFields(frame, long: start, end: end)
  }

  private static func varint(
    _ frame: RawSpan, at offset: inout Int, end: Int
  ) throws(WireError) -> UInt64 {
    let start = offset
    guard let value = try Varint.read(frame, at: &offset, end: end) else {
      throw .malformedBody(offset: start, .truncatedRecord)
    }
    return value
  }
}

extension RecordFields {
  /// Whether the descriptor is invalid or the quantity does not fit the kind.
  @inline(__always)
  var isSuspect: Bool {
    let kind = descriptor & 3
    return descriptor >= 8 || kind == 3
      || (quantity < 0 && (kind != UsageKind.storage.rawValue || quantity == .min))
  }

  /// The lowest reason to reject the record, or 0, the faults of its names apart.
  ///
  /// Single values, because a whole record handed over would cost the good ones a trip to memory.
  ///
  /// - Parameters:
  ///   - descriptor: the record's first byte.
  ///   - quantity: its quantity.
  ///   - time: the event time; nil outside 64 bits.
  ///   - isComplete: whether all indices are inside their tables.
  ///   - key: the key's bytes.
  @inline(never)
  static func fault(
    descriptor: UInt8, quantity: Int64, time: Int64?, isComplete: Bool, key: RawSpan
  ) -> UInt8 {
    var lowest = UInt8.max
    func note(_ reason: RejectionReason, if applies: Bool) {
      if applies { lowest = min(lowest, reason.rawValue) }
    }
    let kind = UsageKind(rawValue: descriptor & 3)
    note(.malformedRecord, if: !isComplete || descriptor >= 8 || kind == nil)
    if descriptor & 4 != 0 {
      let fault = Text.fault(key, whenEmpty: .keyEmpty)
      if fault != 0 { lowest = min(lowest, fault) }
    }
    note(.quantityOutOfRange, if: quantity == .min)
    note(.quantityNegative, if: quantity < 0 && kind != .storage)
    let isTimeValid = time.map { $0 >= 0 && $0 <= Timestamp.latest.milliseconds } ?? false
    note(.timeInvalid, if: !isTimeValid)
    return lowest == .max ? 0 : lowest
  }
}
