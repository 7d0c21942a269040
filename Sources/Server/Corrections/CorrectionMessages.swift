internal import Metering
internal import SegmentLog
internal import Wire

/// An order to correct records, in a ``ControlRequest``.
public struct CorrectionRequest: Codable, Sendable {
  /// The tenant of the record to void or amend.
  public var tenant: String?
  /// Its key, as `RecordKey.text` has it.
  public var key: String?
  /// The hour of its event time, such as `2026-01-05T14:00:00Z`.
  public var hour: String?
  /// Its position, where several records have this key and hour.
  public var position: UInt64?
  /// What is different, for an amendment.
  public var amendment: AmendmentRequest?
  /// Numbers of quarantined records to take.
  public var quarantined: [UInt64]?
  /// Why.
  public var reason: String

  /// An order to void or amend a record.
  public init(
    tenant: String, key: String, hour: String, position: UInt64?, amendment: AmendmentRequest?,
    reason: String
  ) {
    self.tenant = tenant
    self.key = key
    self.hour = hour
    self.position = position
    self.amendment = amendment
    self.reason = reason
  }

  /// An order to take quarantined records.
  public init(quarantined: [UInt64], reason: String) {
    self.quarantined = quarantined
    self.reason = reason
  }
}

/// What an amendment changes; nil keeps what is there.
public struct AmendmentRequest: Codable, Sendable {
  /// The quantity.
  public var quantity: Int64?
  /// The operation.
  public var operation: String?
  /// The type of the context, with ``context``.
  public var contextType: String?
  /// The name of the context.
  public var context: String?
  /// The event time.
  public var time: String?

  /// An amendment.
  public init(
    quantity: Int64? = nil, operation: String? = nil, contextType: String? = nil,
    context: String? = nil, time: String? = nil
  ) {
    self.quantity = quantity
    self.operation = operation
    self.contextType = contextType
    self.context = context
    self.time = time
  }

  /// - Throws: ``CommandFailure`` for what is no context or no time.
  func amendment() throws(CommandFailure) -> Amendment {
    var amendment = Amendment()
    amendment.quantity = quantity
    amendment.operation = operation
    if contextType != nil || context != nil {
      let name = contextType ?? ContextType.other.name
      guard let type = ContextType(name: name) else {
        let allowed = ContextType.allCases.map(\.name).joined(separator: ", ")
        throw CommandFailure(
          "the type of the context is \(JSONText.quoted(name)); allowed: \(allowed)", exit: .usage)
      }
      amendment.context = (type, context ?? "")
    }
    if let time {
      guard let parsed = Timestamp(rfc3339: time) else {
        throw CommandFailure(
          "the time is \(JSONText.quoted(time)); allowed: a time such as 2026-01-05T14:03:07Z",
          exit: .usage)
      }
      amendment.time = parsed
    }
    return amendment
  }
}

/// What became of one correction.
public struct CorrectionReport: Codable, Sendable {
  /// Its position in the log; nil if it was refused, or for a dry run.
  public var position: UInt64?
  /// What was taken out.
  public var voided: BookedReport?
  /// What was taken in.
  public var added: BookedReport?
  /// The number of the quarantined record that it is about.
  public var quarantined: UInt64?
  /// The position of the record that it is about.
  public var record: UInt64?
  /// Why nothing was done.
  public var refusal: String?

  init(_ correction: Correction, position: UInt64?) {
    self.position = position
    voided = correction.voided.map { BookedReport($0) }
    added = correction.added.map { BookedReport($0) }
    switch correction.subject {
    case .record(let position): record = position.rawValue
    case .quarantined(let number): quarantined = number
    }
  }

  init(quarantined: UInt64? = nil, refusal: String) {
    self.quarantined = quarantined
    self.refusal = refusal
  }
}

/// A record as it counts.
public struct BookedReport: Codable, Sendable {
  /// The tenant.
  public var tenant: String
  /// The kind.
  public var kind: String
  /// The operation.
  public var operation: String
  /// The context's type.
  public var contextType: String
  /// The context's name.
  public var context: String
  /// The event time.
  public var time: String
  /// The quantity.
  public var quantity: Int64
  /// The weight.
  public var weight: UInt32
  /// The key.
  public var key: String
  /// The first hour of the period that it is booked in as an adjustment; nil if it counts in its
  /// own hour.
  public var bookingPeriod: String?

  init(_ booked: BookedRecord) {
    tenant = booked.record.tenant
    kind = booked.record.kind.name
    operation = booked.record.operation
    contextType = booked.record.contextType.name
    context = booked.record.context
    time = booked.record.time.text
    quantity = booked.record.quantity
    weight = booked.weight
    key = booked.record.key.text
    bookingPeriod = booked.bookingStart?.text
  }
}
