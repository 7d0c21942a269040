import Wire

/// What a record adds to its rollup row, from the wire or from the log.
struct FoldedAmount {
  var kind: UInt8
  var time: Int64
  var quantity: Int64
  var weight: UInt32
  /// The first hour of the booking period, `RollupKey.notLate` if the record is not late.
  var booking: Int32

  /// The product of 64 and 20 bits fits, so a check would be idle.
  @inline(__always)
  var weighted: Int128 { Int128(quantity) &* Int128(weight) }

  /// Computed for every kind and dropped for most: kinds come in no order that could be foreseen.
  @inline(__always)
  var byteMilliseconds: Int128 {
    let amount =
      booking == RollupKey.notLate
      ? StorageArithmetic.byteMilliseconds(
        quantity: quantity, time: Timestamp(milliseconds: time))
      : lateByteMilliseconds
    return kind == UsageKind.storage.rawValue ? amount : 0
  }

  @inline(never)
  private var lateByteMilliseconds: Int128 {
    StorageArithmetic.lateByteMilliseconds(
      quantity: quantity, time: Timestamp(milliseconds: time),
      bookingStart: Hour(index: booking).start)
  }
}
