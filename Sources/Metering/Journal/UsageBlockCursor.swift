import Dedup
import SegmentLog
import Wire

/// The ledger's numbers of the names in a block.
struct ResolvedNames: ~Copyable {
  var tenants: [UInt32] = []
  var operations: [UInt32] = []
  var contexts: [UInt32] = []

  /// Gives every name of a block its number in the ledger.
  ///
  /// - Throws: `RecoveryError.limitBelowLog` if the ledger may not know that many names.
  mutating func resolve(
    _ block: borrowing UsageBlockNames, in names: inout LedgerNames,
    configuration: LedgerConfiguration
  ) throws(RecoveryError) {
    tenants.removeAll(keepingCapacity: true)
    operations.removeAll(keepingCapacity: true)
    contexts.removeAll(keepingCapacity: true)
    for number in 0..<block.tenants.count {
      guard let id = names.tenant(block.tenants.name(number)) else {
        throw .limitBelowLog(setting: "limits.tenants", limit: configuration.maximumTenants)
      }
      tenants.append(id)
    }
    for number in 0..<block.operations.count {
      let name = block.operations.name(number)
      guard let id = names.operation(name) else {
        throw .limitBelowLog(setting: "limits.operations", limit: configuration.maximumOperations)
      }
      operations.append(id)
    }
    for number in 0..<block.contexts.count {
      let name = block.contexts.name(number)
      guard let id = names.context(name) else {
        throw .limitBelowLog(setting: "limits.contexts", limit: configuration.maximumContexts)
      }
      contexts.append(id)
    }
  }
}

/// Goes through the records of a decoded block, in order.
struct UsageBlockCursor {
  /// A record of the log, with the ledger's numbers.
  struct Record {
    var key: RollupKey
    var hash: KeyHash
    var amount: FoldedAmount
    var message: DigestMessage
    var payload: UInt16
  }

  private var index = 0
  private var late = 0
  private var overflowed = 0
  private var rawKeys = 0
  private var textKeys = 0
  private var textOffset = 0

  /// The next record; the block must have another one.
  @inline(__always)
  mutating func next(
    _ records: borrowing UsageBlockRecords, _ resolved: borrowing ResolvedNames,
    _ names: borrowing LedgerNames, _ hasher: KeyHasher
  ) -> Record {
    let flags = records.flags[index]
    let kind = flags & UsageFlags.kindMask
    let tenant = resolved.tenants[Int(records.tenants[index])]
    let operation = resolved.operations[Int(records.operations[index])]
    let context = resolved.contexts[Int(records.contexts[index])]
    let time = records.times[index]
    let quantity = records.quantities[index]
    let scope = names.scopes[Int(tenant)]
    let hash: KeyHash
    if flags & UsageFlags.textKey == 0 {
      hash = hasher.hash16(
        UInt64(littleEndian: records.rawKeys[rawKeys]),
        UInt64(littleEndian: records.rawKeys[rawKeys + 1]), form: 0, in: scope)
      rawKeys += 2
    } else {
      let length = Int(records.textKeyLengths[textKeys])
      let key = records.textKeys.span.raw.extracting(textOffset..<textOffset + length)
      hash = hasher.hash(key: key, form: 1, in: scope)
      textKeys += 1
      textOffset += length
    }
    var booking = RollupKey.notLate
    if flags & UsageFlags.late != 0 {
      booking = records.bookings[late]
      late += 1
    }
    let operationHash = names.operations[Int(operation)].hash
    let contextHash = names.contextHashes[Int(context)]
    let payload: UInt16
    if flags & UsageFlags.overflow == 0 {
      payload = RecordDigest.payload(
        kind: kind, operation: operationHash, context: contextHash, quantity: quantity)
    } else {
      payload = records.payloads[overflowed]
      overflowed += 1
    }
    let weight = records.weights[index]
    index += 1
    let hour = Hour(containing: Timestamp(milliseconds: time)).index
    return Record(
      key: RollupKey(
        tenant: tenant, operation: operation, context: context, hour: hour, kind: kind,
        booking: booking),
      hash: hash,
      amount: FoldedAmount(
        kind: kind, time: time, quantity: quantity, weight: weight, booking: booking),
      message: RecordDigest.message(
        key: hash, kind: kind, operation: operationHash, context: contextHash, time: time,
        quantity: quantity, weight: weight),
      payload: payload)
  }
}
