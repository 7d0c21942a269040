import Dedup
import SegmentLog
import Wire

/// The records of a decoded block, group by group, with the ledger's numbers and hashes.
///
/// A group is small enough for the caches; its columns are kept from group to group.
struct LoggedRecords: ~Copyable {
  /// Records of a group.
  private static let groupCount = 2_048

  /// The records of the block that the group consists of.
  private(set) var range = 0..<0
  /// Their rollup keys.
  private(set) var keys = ScratchColumn(
    filler: RollupKey(tenant: 0, operation: 0, context: 0, hour: 0, kind: 0),
    capacity: groupCount)
  /// The hashes of their idempotency keys.
  private(set) var hashes = ScratchColumn(
    filler: KeyHash(high: 0, low: 0), capacity: groupCount)
  private(set) var payloads = ScratchColumn<UInt16>(filler: 0, capacity: groupCount)
  /// Their rollup rows, after ``findRows(in:)``.
  let slots = ScratchColumn<UInt32>(filler: 0, capacity: groupCount)

  private let places = ScratchColumn(
    filler: KeyPlace(offset: 0, length: 0, form: 0, scope: 0, target: 0), capacity: groupCount)
  private let messages = ScratchColumn(
    filler: DigestMessage([0, 0, 0, 0, 0], tail: 0), capacity: JudgeScratch.strideLength)
  private let digests = ScratchColumn<UInt64>(filler: 0, capacity: JudgeScratch.strideLength)

  // Where the next group begins in the columns that only some records have an entry in.
  private var late = 0
  private var overflowed = 0
  private var rawKeys = 0
  private var textKeys = 0
  private var textOffset = 0

  /// Number of records in the group.
  var count: Int { range.count }

  /// Begins another block.
  mutating func begin() {
    range = 0..<0
    (late, overflowed, rawKeys, textKeys, textOffset) = (0, 0, 0, 0, 0)
  }

  /// Reads the next group.
  ///
  /// - Returns: false if the block has no more records.
  mutating func next(
    _ records: borrowing UsageBlockRecords, _ resolved: borrowing ResolvedNames,
    _ names: borrowing LedgerNames, _ hasher: KeyHasher
  ) -> Bool {
    let first = range.upperBound
    range = first..<min(first + Self.groupCount, records.count)
    guard !range.isEmpty else { return false }
    hashRawKeys(records, resolved, names, hasher)
    hashTextKeys(records, resolved, names, hasher)
    readKeys(records, resolved, names)
    return true
  }

  private mutating func hashRawKeys(
    _ records: borrowing UsageBlockRecords, _ resolved: borrowing ResolvedNames,
    _ names: borrowing LedgerNames, _ hasher: KeyHasher
  ) {
    let (flags, tenants) = (records.flags.span, records.tenants.span)
    let scopes = resolved.tenants.span
    var count = 0
    for index in range where flags[index] & UsageFlags.textKey == 0 {
      places[count] = KeyPlace(
        offset: UInt32(truncatingIfNeeded: (rawKeys &+ count) &* 16), length: 16, form: 0,
        scope: scopes[Int(tenants[index])],
        target: UInt32(truncatingIfNeeded: index &- range.lowerBound))
      count &+= 1
    }
    guard count > 0 else { return }
    rawKeys += count
    var hashes = hashes.mutablePrefix(self.count)
    hasher.hash(
      keys: records.rawKeys.span.raw, at: places.prefix(count), in: names.scopes.span,
      into: &hashes)
  }

  private mutating func hashTextKeys(
    _ records: borrowing UsageBlockRecords, _ resolved: borrowing ResolvedNames,
    _ names: borrowing LedgerNames, _ hasher: KeyHasher
  ) {
    let (flags, tenants) = (records.flags.span, records.tenants.span)
    let lengths = records.textKeyLengths.span
    let scopes = resolved.tenants.span
    var count = 0
    for index in range where flags[index] & UsageFlags.textKey != 0 {
      let length = lengths[textKeys]
      places[count] = KeyPlace(
        offset: UInt32(truncatingIfNeeded: textOffset), length: length, form: 1,
        scope: scopes[Int(tenants[index])],
        target: UInt32(truncatingIfNeeded: index &- range.lowerBound))
      textKeys += 1
      textOffset += Int(length)
      count &+= 1
    }
    guard count > 0 else { return }
    var hashes = hashes.mutablePrefix(self.count)
    hasher.hash(
      keys: records.textKeys.span.raw, at: places.prefix(count), in: names.scopes.span,
      into: &hashes)
  }

  private mutating func readKeys(
    _ records: borrowing UsageBlockRecords, _ resolved: borrowing ResolvedNames,
    _ names: borrowing LedgerNames
  ) {
    let (flags, times) = (records.flags.span, records.times.span)
    let quantities = records.quantities.span
    let (tenants, tenantIDs) = (records.tenants.span, resolved.tenants.span)
    let (operations, operationIDs) = (records.operations.span, resolved.operations.span)
    let (contexts, contextIDs) = (records.contexts.span, resolved.contexts.span)
    let (known, contextHashes) = (names.operations.span, names.contextHashes.span)
    for index in range {
      let place = index &- range.lowerBound
      let flag = flags[index]
      let kind = flag & UsageFlags.kindMask
      let operation = operationIDs[Int(operations[index])]
      let context = contextIDs[Int(contexts[index])]
      var booking = RollupKey.notLate
      if flag & UsageFlags.late != 0 {
        booking = records.bookings[late]
        late += 1
      }
      keys[place] = RollupKey(
        tenant: tenantIDs[Int(tenants[index])], operation: operation, context: context,
        hour: Hour(containing: Timestamp(milliseconds: times[index])).index, kind: kind,
        booking: booking)
      if flag & UsageFlags.overflow == 0 {
        payloads[place] = RecordDigest.payload(
          kind: kind, operation: known[Int(operation)].hash,
          context: contextHashes[Int(context)], quantity: quantities[index])
      } else {
        payloads[place] = records.payloads[overflowed]
        overflowed += 1
      }
    }
  }

  /// Finds the rows of the group; ``slots`` has `RollupTable.noSlot` where there is none yet.
  func findRows(in rollups: borrowing RollupTable) {
    var slots = slots.mutablePrefix(count)
    rollups.find(keys.prefix(count), into: &slots)
  }

  /// Adds the group to its rows.
  func fold(
    _ records: borrowing UsageBlockRecords, _ names: borrowing LedgerNames,
    _ hasher: KeyHasher, into rollups: inout RollupTable
  ) {
    let (times, quantities) = (records.times.span, records.quantities.span)
    let (flags, weights) = (records.flags.span, records.weights.span)
    let (operations, contextHashes) = (names.operations.span, names.contextHashes.span)
    var first = 0
    while first < count {
      let stride = min(JudgeScratch.strideLength, count &- first)
      for index in 0..<stride {
        rollups.prefetch(row: slots[first &+ index])
        let record = range.lowerBound &+ first &+ index
        let key = keys[first &+ index]
        messages[index] = RecordDigest.message(
          key: hashes[first &+ index], kind: key.kind,
          operation: operations[Int(key.operation)].hash,
          context: contextHashes[Int(key.context)], time: times[record],
          quantity: quantities[record], weight: weights[record])
      }
      var sums = digests.mutablePrefix(stride)
      hasher.words(of: messages.prefix(stride), into: &sums)
      for index in 0..<stride {
        let record = range.lowerBound &+ first &+ index
        let amount = FoldedAmount(
          kind: flags[record] & UsageFlags.kindMask, time: times[record],
          quantity: quantities[record], weight: weights[record],
          booking: keys[first &+ index].booking)
        rollups.add(
          slots[first &+ index], quantity: amount.quantity, weighted: amount.weighted,
          byteMilliseconds: amount.byteMilliseconds, digest: digests[index])
      }
      first &+= stride
    }
  }
}
