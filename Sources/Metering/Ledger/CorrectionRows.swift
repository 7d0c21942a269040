import Dedup
import Wire

/// A correction's record among the numbers of a ledger's names.
struct NumberedRecord {
  let booked: BookedRecord
  let tenant: UInt32
  let operation: UInt32
  let context: UInt32
  /// The hash of its idempotency key.
  let key: KeyHash

  /// Numbers a record's names, and makes numbers for new ones; nil at a limit.
  init?(_ booked: BookedRecord, in names: inout LedgerNames, _ hasher: KeyHasher) {
    let record = booked.record
    let (tenantName, operationName) = (Array(record.tenant.utf8), Array(record.operation.utf8))
    let typedContext = [record.contextType.rawValue] + Array(record.context.utf8)
    guard let tenant = names.tenant(tenantName.span.raw),
      let operation = names.operation(operationName.span.raw),
      let context = names.context(typedContext.span.raw)
    else { return nil }
    self.booked = booked
    self.tenant = tenant
    self.operation = operation
    self.context = context
    let (bytes, form) = record.key.bytes
    key = hasher.hash(key: bytes.span.raw, form: form, in: names.scopes[Int(tenant)])
  }

  var rollupKey: RollupKey {
    RollupKey(
      tenant: tenant, operation: operation, context: context,
      hour: Hour(containing: booked.record.time).index, kind: booked.record.kind.rawValue,
      booking: booked.bookingStart?.index ?? RollupKey.notLate)
  }

  /// What the record adds to its row.
  func sums(_ names: borrowing LedgerNames, _ hasher: KeyHasher) -> UsageSums {
    let record = booked.record
    let amount = FoldedAmount(
      kind: record.kind.rawValue, time: record.time.milliseconds, quantity: record.quantity,
      weight: booked.weight, booking: booked.bookingStart?.index ?? RollupKey.notLate)
    let message = RecordDigest.message(
      key: key, kind: record.kind.rawValue, operation: names.operations[Int(operation)].hash,
      context: names.contextHashes[Int(context)], time: record.time.milliseconds,
      quantity: record.quantity, weight: booked.weight)
    return UsageSums(
      count: 1, quantity: Int128(record.quantity), weighted: amount.weighted,
      byteMilliseconds: amount.byteMilliseconds,
      digest: UInt128(hasher.word(message.words, tail: message.tail)))
  }

  /// The 16 bits that tell a conflict from a duplicate.
  func payload(_ names: borrowing LedgerNames) -> UInt16 {
    RecordDigest.payload(
      kind: booked.record.kind.rawValue, operation: names.operations[Int(operation)].hash,
      context: names.contextHashes[Int(context)], quantity: booked.record.quantity)
  }
}

extension RecordKey {
  /// The bytes that are hashed, and their form: 0 for raw ones, 1 for text.
  var bytes: (bytes: [UInt8], form: UInt8) {
    switch self {
    case .raw(let bits):
      let bytes = stride(from: 0, to: 128, by: 8).map { UInt8(truncatingIfNeeded: bits >> $0) }
      return (bytes, 0)
    case .text(let text): return (Array(text.utf8), 1)
    }
  }
}

extension UsageSums {
  /// What takes these sums away again; the digest is a number modulo 2¹²⁸.
  var negated: UsageSums {
    UsageSums(
      count: -count, quantity: -quantity, weighted: -weighted, byteMilliseconds: -byteMilliseconds,
      digest: 0 &- digest)
  }
}

extension HourlySums {
  /// Takes in what a correction changes.
  mutating func add(_ correction: Correction) {
    if let voided = correction.voided { add(voided, count: -1) }
    if let added = correction.added { add(added, count: 1) }
  }
}
