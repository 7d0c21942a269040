import SegmentLog
import Wire

/// Reads single records out of decoded blocks, with their positions.
///
/// ```swift
/// var reader = RecordReader(tenant: "acme")
/// try decoder.decode(next, into: block)
/// try reader.read(block, where: { hour, _ in hour == wanted }) { record in … }
/// ```
///
/// A block takes one position for each receipt, and behind it one for each record of that batch
/// that was accepted or late, in the order of the batch; a correction takes one. So records have
/// positions of their own that never change.
public struct RecordReader: Sendable {
  private let tenant: [UInt8]?

  /// A reader of one tenant's records, or with nil of everybody's.
  public init(tenant: String?) { self.tenant = tenant.map { Array($0.utf8) } }

  /// Hands over the records of a block, ascending by position. Names of records that are not wanted
  /// are not looked at.
  ///
  /// - Parameters:
  ///   - block: a decoded block; one without usage has no records.
  ///   - isWanted: told the hour of a record's event time, and the first hour of the period that it
  ///     is booked in if it is late.
  ///   - body: called for each wanted record; its error ends the reading and is thrown on.
  /// - Complexity: O(receipts and records of the block), less if the tenant has none there.
  public func read<Failure: Error>(
    _ block: LoggedBlock, where isWanted: (Hour, Hour?) -> Bool = { _, _ in true },
    _ body: (LoggedRecord) throws(Failure) -> Void
  ) throws(Failure) {
    if case .corrected(let correction) = block.entry {
      return try read(correction, at: block.start.position, where: isWanted, body)
    }
    try read(block.usage, from: block.start.position.rawValue, where: isWanted, body)
  }

  /// Hands over what a correction takes out and in.
  private func read<Failure: Error>(
    _ correction: Correction, at position: LogPosition, where isWanted: (Hour, Hour?) -> Bool,
    _ body: (LoggedRecord) throws(Failure) -> Void
  ) throws(Failure) {
    func read(_ booked: BookedRecord, _ origin: LoggedRecord.Origin) throws(Failure) {
      let isTenants = tenant.map { booked.record.tenant.utf8.elementsEqual($0) } ?? true
      guard isTenants, isWanted(Hour(containing: booked.record.time), booked.bookingStart) else {
        return
      }
      try body(
        LoggedRecord(
          position: position, booked: booked, arrival: correction.time, origin: origin))
    }
    if let voided = correction.voided, case .record(let taken) = correction.subject {
      try read(voided, .voided(taken))
    }
    if let added = correction.added {
      try read(added, .added(correction.subject, revision: correction.revision))
    }
  }

  private func read<Failure: Error>(
    _ block: borrowing UsageBlock, from start: UInt64, where isWanted: (Hour, Hour?) -> Bool,
    _ body: (LoggedRecord) throws(Failure) -> Void
  ) throws(Failure) {
    var wanted: UInt32?
    if let tenant {
      wanted = block.names.tenants.number(of: tenant)
      if wanted == nil { return }
    }
    var batch = BatchCursor()
    var (late, rawKeys, textKeys, textOffset) = (0, 0, 0, 0)
    for index in 0..<block.records.count {
      batch.advance(to: index, in: block.receipts)
      let flags = block.records.flags[index]
      var booking: Hour?
      if flags & UsageFlags.late != 0 {
        booking = Hour(index: block.records.bookings[late])
        late += 1
      }
      let hasTextKey = flags & UsageFlags.textKey != 0
      let length = hasTextKey ? Int(block.records.textKeyLengths[textKeys]) : 0
      let time = Timestamp(milliseconds: block.records.times[index])
      if wanted == nil || block.records.tenants[index] == wanted,
        isWanted(Hour(containing: time), booking)
      {
        let key: RecordKey =
          hasTextKey
          ? .text(
            String(
              decoding: block.records.textKeys[textOffset..<textOffset + length], as: UTF8.self))
          : .raw(
            UInt128(UInt64(littleEndian: block.records.rawKeys[rawKeys * 2]))
              | UInt128(UInt64(littleEndian: block.records.rawKeys[rawKeys * 2 + 1])) << 64)
        try body(
          LoggedRecord(
            position: LogPosition(start + UInt64(index + batch.number + 1)),
            booked: BookedRecord(
              record: block.record(index, time: time, key: key),
              weight: block.records.weights[index], bookingStart: booking),
            arrival: Timestamp(milliseconds: block.receipts.arrivals[batch.number]),
            origin: .batch(
              source: SourceIdentity(
                name: block.names.sources.text(Int(block.receipts.sources[batch.number])),
                epoch: block.receipts.epochs[batch.number]),
              sequence: block.receipts.sequences[batch.number])))
      }
      rawKeys += hasTextKey ? 0 : 1
      textKeys += hasTextKey ? 1 : 0
      textOffset += length
    }
  }
}

/// Which receipt of a block a record belongs to.
private struct BatchCursor {
  /// The number of the receipt; −1 before the first record.
  private(set) var number = -1
  /// The first record behind its batch.
  private var end = 0
  /// The first exception behind its batch.
  private var exceptions = 0

  /// Goes on to the batch that holds a record; records come in ascending order.
  mutating func advance(to record: Int, in receipts: borrowing UsageBlockReceipts) {
    while record >= end {
      number += 1
      var logged = Int(receipts.received[number])
      let next = exceptions + Int(receipts.exceptionCounts[number])
      for place in exceptions..<next
      where receipts.exceptionCodes[place] != AckCode.late.rawValue { logged -= 1 }
      end += logged
      exceptions = next
    }
  }
}

extension UsageBlock {
  /// A record with its names.
  fileprivate func record(_ index: Int, time: Timestamp, key: RecordKey) -> UsageRecord {
    let kindCode = records.flags[index] & UsageFlags.kindMask
    let context = names.contexts.name(Int(records.contexts[index]))
    guard let kind = UsageKind(rawValue: kindCode),
      let contextType = ContextType(rawValue: context.byte(at: 0))
    else { preconditionFailure("BUG: a decoded record of kind \(kindCode)") }
    let name = context.extracting(droppingFirst: 1)
    return UsageRecord(
      tenant: names.tenants.text(Int(records.tenants[index])), kind: kind,
      operation: names.operations.text(Int(records.operations[index])), contextType: contextType,
      context: unsafe name.withUnsafeBytes { unsafe String(decoding: $0, as: UTF8.self) },
      time: time, quantity: records.quantities[index], key: key)
  }
}

extension NameList {
  /// A name as text.
  fileprivate func text(_ number: Int) -> String {
    let bytes = name(number)
    return unsafe bytes.withUnsafeBytes { unsafe String(decoding: $0, as: UTF8.self) }
  }

  /// The number of a name, nil if it is not there.
  fileprivate func number(of wanted: [UInt8]) -> UInt32? {
    for number in 0..<count where Int(lengths[number]) == wanted.count {
      let found = name(number)
      if wanted.indices.allSatisfy({ found.byte(at: $0) == wanted[$0] }) {
        return UInt32(truncatingIfNeeded: number)
      }
    }
    return nil
  }
}
