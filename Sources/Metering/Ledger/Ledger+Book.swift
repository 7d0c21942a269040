import CIntrinsics
import Dedup
import SegmentLog
import Wire

extension Ledger {
  /// Gives every record of the group its verdict; logs and folds the fresh ones.
  mutating func book(_ columns: borrowing UsageColumns) {
    settleVerdicts(columns)
    let overflowed = counters.overflowed
    findRows()
    numberNames(columns, hasOverflow: counters.overflowed != overflowed)
    block.records.append(columns, scratch)
    fold(columns)
    pending.entries += UInt64(scratch.freshCount)
  }

  /// Turns the index's answers into verdicts and gathers the fresh records with their rollup keys.
  private mutating func settleVerdicts(_ columns: borrowing UsageColumns) {
    let tenants = columns.tenant
    let operations = columns.operation
    let contexts = columns.context
    let times = columns.time
    let kinds = columns.kind
    let forms = columns.keyForm
    var count = 0
    for record in 0..<columns.count {
      let answer = scratch.answers[record]
      guard answer == DedupAnswer.new.rawValue else {
        if answer == DedupAnswer.duplicate.rawValue {
          scratch.codes[record] = AckCode.duplicate.rawValue
        } else if answer == DedupAnswer.conflict.rawValue {
          scratch.codes[record] = AckCode.conflict.rawValue
        }
        continue
      }
      let (time, kind) = (times[record], kinds[record])
      let tenant = scratch.tenants[Int(tenants[record])].id
      scratch.tenants[Int(tenants[record])].inBlock = 1
      let operation = scratch.operations[Int(operations[record])].id
      scratch.operations[Int(operations[record])].inBlock = 1
      let context = scratch.contexts[Int(contexts[record])].id
      scratch.contexts[Int(contexts[record])].inBlock = 1
      var flags = kind | (forms[record] == 0 ? 0 : UsageFlags.textKey)
      var booking = RollupKey.notLate
      if time < names.tenants[Int(tenant)].openFrom {
        booking = names.tenants[Int(tenant)].booking
        flags |= UsageFlags.late | UsageFlags.bookingHour
        scratch.codes[record] = AckCode.late.rawValue
      }
      scratch.fresh[count] = UInt32(truncatingIfNeeded: record)
      scratch.keys[count] = RollupKey(
        tenant: tenant, operation: operation, context: context,
        hour: Hour(containing: Timestamp(milliseconds: time)).index, kind: kind,
        booking: booking)
      scratch.flags[count] = flags
      let weight = names.weight(ofOperation: operation, at: time)
      scratch.weights[count] =
        kind == UsageKind.compute.rawValue ? UInt32(truncatingIfNeeded: weight) : 1
      count += 1
    }
    scratch.freshCount = count
  }

  /// Finds or begins the row of every fresh record.
  private mutating func findRows() {
    let count = scratch.freshCount
    var slots = scratch.slots.mutablePrefix(count)
    pending.rollups.find(scratch.keys.prefix(count), into: &slots)
    for place in 0..<count {
      if scratch.slots[place] == RollupTable.noSlot {
        var key = scratch.keys[place]
        let slot = beginRow(&key)
        scratch.slots[place] = slot
        scratch.keys[place] = key
      }
      if scratch.keys[place].context == names.overflow {
        // The context as presented decided the payload; the log keeps what recovery cannot derive.
        scratch.flags[place] |= UsageFlags.overflow
        counters.overflowed += 1
      }
    }
  }

  /// The row of a key that had none before the group. The key gets the overflow context if its
  /// tenant may have no more.
  @inline(never)
  private mutating func beginRow(_ key: inout RollupKey) -> UInt32 {
    if let known = pending.rollups.find(key) { return known }
    names.noteUsage(key)
    if !names.admitContext(of: key) { key = key.with(context: names.overflow) }
    return pending.rollups.findOrInsert(key).slot
  }

  /// Gives the names of fresh records their numbers in the open block.
  private mutating func numberNames(
    _ columns: borrowing UsageColumns, hasOverflow: Bool
  ) {
    if hasOverflow { findUsedContexts(columns) }
    for entry in 1..<columns.tenants.count where scratch.tenants[entry].inBlock != 0 {
      scratch.tenants[entry].inBlock = block.names.tenant(
        scratch.tenants[entry].id, names.tenantNames)
    }
    for entry in 1..<columns.operations.count where scratch.operations[entry].inBlock != 0 {
      scratch.operations[entry].inBlock = block.names.operation(
        scratch.operations[entry].id, names.operationNames)
    }
    for entry in 0..<columns.contexts.count where scratch.contexts[entry].inBlock != 0 {
      scratch.contexts[entry].inBlock = block.names.context(
        scratch.contexts[entry].id, names.contextNames)
    }
  }

  /// Marks the contexts that fresh records still have where some got the overflow context.
  @inline(never)
  private mutating func findUsedContexts(_ columns: borrowing UsageColumns) {
    let contexts = columns.context
    for entry in 0..<columns.contexts.count { scratch.contexts[entry].inBlock = 0 }
    for place in 0..<scratch.freshCount where scratch.flags[place] & UsageFlags.overflow == 0 {
      scratch.contexts[Int(contexts[Int(scratch.fresh[place])])].inBlock = 1
    }
    scratch.overflowInBlock = block.names.context(names.overflow, names.contextNames)
  }

  /// Adds the fresh records to their rows, a stride after the other.
  private mutating func fold(_ columns: borrowing UsageColumns) {
    let (operations, contexts) = (columns.operation, columns.context)
    let (times, quantities) = (columns.time, columns.quantity)
    var first = 0
    while first < scratch.freshCount {
      let count = min(JudgeScratch.strideLength, scratch.freshCount &- first)
      for index in 0..<count {
        pending.rollups.prefetch(row: scratch.slots[first &+ index])
        let record = Int(scratch.fresh[first &+ index])
        let flags = scratch.flags[first &+ index]
        scratch.messages[index] = RecordDigest.message(
          key: scratch.hashes[record], kind: flags & UsageFlags.kindMask,
          operation: scratch.operations[Int(operations[record])].hash,
          context: flags & UsageFlags.overflow == 0
            ? scratch.contexts[Int(contexts[record])].hash
            : names.contextHashes[Int(names.overflow)],
          time: times[record], quantity: quantities[record],
          weight: scratch.weights[first &+ index])
      }
      var digests = scratch.digests.mutablePrefix(count)
      hasher.words(of: scratch.messages.prefix(count), into: &digests)
      for index in 0..<count {
        let place = first &+ index
        let record = Int(scratch.fresh[place])
        fold(
          FoldedAmount(
            kind: scratch.flags[place] & UsageFlags.kindMask, time: times[record],
            quantity: quantities[record], weight: scratch.weights[place],
            booking: scratch.keys[place].booking),
          digest: scratch.digests[index], into: scratch.slots[place])
      }
      first &+= count
    }
  }

  /// Adds a record to its row.
  @inline(__always)
  mutating func fold(_ amount: FoldedAmount, digest: UInt64, into slot: UInt32) {
    pending.rollups.add(
      slot, quantity: amount.quantity, weighted: amount.weighted,
      byteMilliseconds: amount.byteMilliseconds, digest: digest)
    pending.records += 1
  }
}

extension UsageBlockRecords {
  /// Appends the fresh records of a group.
  mutating func append(_ columns: borrowing UsageColumns, _ group: borrowing JudgeScratch) {
    let count = group.freshCount
    let fresh = group.fresh.prefix(count)
    let (times, quantities) = (columns.time, columns.quantity)
    let (tenants, operations, contexts) = (columns.tenant, columns.operation, columns.context)
    self.times.append(addingCapacity: count) { out in
      for place in 0..<count { out.append(times[Int(fresh[place])]) }
    }
    self.quantities.append(addingCapacity: count) { out in
      for place in 0..<count { out.append(quantities[Int(fresh[place])]) }
    }
    self.tenants.append(addingCapacity: count) { out in
      for place in 0..<count {
        out.append(group.tenants[Int(tenants[Int(fresh[place])])].inBlock)
      }
    }
    self.operations.append(addingCapacity: count) { out in
      for place in 0..<count {
        out.append(group.operations[Int(operations[Int(fresh[place])])].inBlock)
      }
    }
    self.contexts.append(addingCapacity: count) { out in
      for place in 0..<count {
        let isOverflow = group.flags[place] & UsageFlags.overflow != 0
        out.append(
          isOverflow
            ? group.overflowInBlock : group.contexts[Int(contexts[Int(fresh[place])])].inBlock)
      }
    }
    self.weights.append(addingCapacity: count) { out in
      for place in 0..<count { out.append(group.weights[place]) }
    }
    self.flags.append(addingCapacity: count) { out in
      for place in 0..<count { out.append(group.flags[place]) }
    }
    appendRare(group)
    appendKeys(columns, group)
  }

  private mutating func appendRare(_ group: borrowing JudgeScratch) {
    for place in 0..<group.freshCount {
      let flags = group.flags[place]
      guard flags & (UsageFlags.late | UsageFlags.overflow) != 0 else { continue }
      if flags & UsageFlags.late != 0 { bookings.append(group.keys[place].booking) }
      if flags & UsageFlags.overflow != 0 {
        payloads.append(group.payloads[Int(group.fresh[place])])
      }
    }
  }

  private mutating func appendKeys(
    _ columns: borrowing UsageColumns, _ group: borrowing JudgeScratch
  ) {
    let fresh = group.fresh.prefix(group.freshCount)
    let bytes = columns.keyBytes
    let offsets = columns.keyOffset
    let forms = columns.keyForm
    let lengths = columns.keyLength
    rawKeys.append(addingCapacity: 2 * fresh.count) { out in
      for place in fresh.indices where forms[Int(fresh[place])] == 0 {
        let offset = Int(offsets[Int(fresh[place])])
        out.append(bytes.word(at: offset).littleEndian)
        out.append(bytes.word(at: offset &+ 8).littleEndian)
      }
    }
    for place in fresh.indices where forms[Int(fresh[place])] != 0 {
      let record = Int(fresh[place])
      let offset = Int(offsets[record])
      textKeyLengths.append(lengths[record])
      textKeys.append(bytes.extracting(offset..<offset + Int(lengths[record])))
    }
  }
}
