public import SegmentLog
public import Wire

/// A record as it counts: with the weight that was applied and the period that it is booked in.
public struct BookedRecord: Sendable, Hashable {
  /// The record; its context is the one that it is booked under.
  public var record: UsageRecord
  /// The weight that was applied, 0 to ``WeightTable/maximumWeight``; 1 for what is not compute.
  public var weight: UInt32
  /// The first hour of the period that it is booked in as late usage; nil if it counts in its own
  /// hour.
  public var bookingStart: Hour?

  /// A record as it counts.
  public init(record: UsageRecord, weight: UInt32, bookingStart: Hour?) {
    self.record = record
    self.weight = weight
    self.bookingStart = bookingStart
  }
}

/// A record that was taken out again, one that was taken in by hand, or the one for the other.
public struct Correction: Sendable, Hashable {
  /// What the correction answers to; neither happens twice.
  public enum Subject: Sendable, Hashable {
    /// The accepted record at this position of the log is void.
    case record(LogPosition)
    /// The quarantined record of this number is taken after all.
    case quarantined(UInt64)
  }

  /// What it answers to.
  public var subject: Subject
  /// What no longer counts, booked as its exact negative: with the booking of the negative.
  public var voided: BookedRecord?
  /// What counts instead.
  public var added: BookedRecord?
  /// How many amendments led to `added`; 0 if it replaces nothing.
  public var revision: UInt32
  /// When, by the ledger's time.
  public var time: Timestamp
  /// Who asked for it.
  public var operatorName: String
  /// Why.
  public var reason: String

  /// What was corrected, by whom and why.
  public init(
    subject: Subject, voided: BookedRecord?, added: BookedRecord?, revision: UInt32,
    time: Timestamp, operatorName: String, reason: String
  ) {
    self.subject = subject
    self.voided = voided
    self.added = added
    self.revision = revision
    self.time = time
    self.operatorName = operatorName
    self.reason = reason
  }
}

/// A correction with its place in the log.
public struct LoggedCorrection: Sendable, Hashable {
  /// Its position.
  public var position: LogPosition
  /// What was corrected.
  public var correction: Correction

  /// A correction with its place in the log.
  public init(position: LogPosition, correction: Correction) {
    self.position = position
    self.correction = correction
  }
}

extension Correction {
  func encode(into writer: inout EntryWriter) {
    switch subject {
    case .record(let position):
      writer.byte(0)
      writer.varint(position.rawValue)
    case .quarantined(let number):
      writer.byte(1)
      writer.varint(number)
    }
    writer.byte(voided == nil ? 0 : 1)
    voided?.encode(into: &writer)
    writer.byte(added == nil ? 0 : 1)
    added?.encode(into: &writer)
    writer.varint(UInt64(revision))
    writer.signed(time.milliseconds)
    writer.text(operatorName)
    writer.text(reason)
  }

  init(from reader: inout EntryReader) throws(JournalError) {
    switch try reader.byte() {
    case 0: subject = .record(LogPosition(try reader.varint()))
    case 1: subject = .quarantined(try reader.varint())
    case let code: throw reader.failure("a correction of unknown subject \(code)")
    }
    voided = try reader.flag() ? try BookedRecord(from: &reader) : nil
    added = try reader.flag() ? try BookedRecord(from: &reader) : nil
    if case .record = subject, voided == nil {
      throw reader.failure("a correction of a record that voids nothing")
    }
    if case .quarantined = subject, voided != nil || added == nil {
      throw reader.failure("a quarantined record that adds nothing, or voids something")
    }
    let count = try reader.varint()
    guard let revision = UInt32(exactly: count) else {
      throw reader.failure("revision \(count); it must fit 32 bits")
    }
    self.revision = revision
    time = try reader.timestamp()
    operatorName = try reader.text("the operator")
    reason = try reader.text("the reason")
  }
}

extension BookedRecord {
  fileprivate func encode(into writer: inout EntryWriter) {
    writer.text(record.tenant)
    writer.byte(record.kind.rawValue)
    writer.text(record.operation)
    writer.byte(record.contextType.rawValue)
    writer.text(record.context)
    writer.signed(record.time.milliseconds)
    writer.signed(record.quantity)
    switch record.key {
    case .raw(let bits):
      writer.byte(0)
      writer.doubleWord(bits)
    case .text(let text):
      writer.byte(1)
      writer.text(text)
    }
    writer.varint(UInt64(weight))
    writer.byte(bookingStart == nil ? 0 : 1)
    if let bookingStart { writer.signed(Int64(bookingStart.index)) }
  }

  fileprivate init(from reader: inout EntryReader) throws(JournalError) {
    let tenant = try reader.text("a record's tenant")
    let kindCode = try reader.byte()
    guard let kind = UsageKind(rawValue: kindCode) else {
      throw reader.failure("a record of unknown kind \(kindCode)")
    }
    let operation = try reader.text("a record's operation")
    let typeCode = try reader.byte()
    guard let contextType = ContextType(rawValue: typeCode) else {
      throw reader.failure("a record's context of unknown type \(typeCode)")
    }
    let context = try reader.text("a record's context")
    let time = try reader.timestamp()
    let quantity = try reader.signed()
    let form = try reader.byte()
    guard form <= 1 else { throw reader.failure("a key of unknown form \(form)") }
    let key: RecordKey =
      form == 0 ? .raw(try reader.doubleWord()) : .text(try reader.text("a record's key"))
    record = UsageRecord(
      tenant: tenant, kind: kind, operation: operation, contextType: contextType,
      context: context, time: time, quantity: quantity, key: key)
    if let fault = record.fault {
      throw reader.failure("a corrected record that admission would refuse: \(fault.name)")
    }
    let applied = try reader.varint()
    guard applied <= UInt64(WeightTable.maximumWeight) else {
      throw reader.failure("a weight of \(applied)")
    }
    weight = UInt32(applied)
    bookingStart = try reader.flag() ? try reader.hour("a booking") : nil
  }
}
