import Dedup
import Wire

/// What the rollups and their digest need to know of a record, from the wire or from the log.
struct FoldedRecord {
  var hash: KeyHash
  var kind: UInt8
  var operationHash: UInt64
  var contextHash: UInt64
  var time: Int64
  var quantity: Int64
  var weight: UInt32
  /// The month of the booking period, `RollupKey.notLate` if the record is not late.
  var booking: Int32

  var weighted: Int128 { Int128(quantity) * Int128(weight) }

  var byteMilliseconds: Int128 {
    guard kind == UsageKind.storage.rawValue else { return 0 }
    let time = Timestamp(milliseconds: time)
    guard booking != RollupKey.notLate else {
      return StorageArithmetic.byteMilliseconds(quantity: quantity, time: time)
    }
    return StorageArithmetic.lateByteMilliseconds(
      quantity: quantity, time: time, bookingStart: BillingPeriod(month: booking).start)
  }

  @inline(__always)
  func digest(_ hasher: KeyHasher) -> UInt64 {
    RecordDigest.word(
      hasher, key: hash, kind: kind, operation: operationHash, context: contextHash, time: time,
      quantity: quantity, weight: weight)
  }
}
