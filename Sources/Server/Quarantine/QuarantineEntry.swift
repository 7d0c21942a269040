internal import Foundation
internal import Metering
internal import Wire

/// One line of the quarantine: a record, or a whole frame, that was authentic and rejected.
public struct QuarantineEntry: Codable, Sendable, Equatable {
  /// Its number: entries of a data directory are numbered from 1, and a number is not used again.
  public internal(set) var number: UInt64 = 0
  /// When it arrived.
  public var arrival: String
  /// Its source.
  public var source: String
  /// Its source's epoch.
  public var epoch: UInt64
  /// Its batch's number.
  public var sequence: UInt64
  /// Its number in the batch; absent for a whole frame.
  public var index: Int?
  /// Why it was rejected.
  public var reason: String
  /// Whether the reason lay with the service, so that it can be replayed.
  public var isReplayable: Bool
  /// The tenant, where it could be read.
  public var tenant: String?
  /// The kind.
  public var kind: String?
  /// The operation, where it could be read.
  public var operation: String?
  /// The context's type.
  public var contextType: String?
  /// The context's name.
  public var context: String?
  /// The event time, where it is valid.
  public var time: String?
  /// The quantity.
  public var quantity: Int64?
  /// The key: text, or 16 raw bytes in hexadecimal after `0x`.
  public var key: String?
  /// What is wrong with the body of a whole frame.
  public var detail: String?
  /// The bytes of a whole frame in base64.
  public var frame: String?
}

extension QuarantineEntry {
  init(_ record: QuarantinedRecord) {
    arrival = record.arrival.text
    source = record.source.name
    epoch = record.source.epoch
    sequence = record.sequence
    index = record.index
    reason = record.reason.name
    isReplayable = record.reason.isReplayable
    tenant = record.tenant
    kind = record.kind?.name
    operation = record.operation
    contextType = record.contextType?.name
    context = record.context
    let isValid = record.time.milliseconds >= 0 && record.time <= .latest
    time = isValid ? record.time.text : nil
    quantity = record.quantity
    key = record.key
  }

  init(
    frame bytes: [UInt8], source: String, header: FrameHeader, arrival: Timestamp, error: WireError
  ) {
    self.arrival = arrival.text
    self.source = source
    epoch = header.epoch
    sequence = header.sequence
    reason = RefusalReason.malformedBody.name
    isReplayable = false
    detail = "\(error)"
    frame = Data(bytes).base64EncodedString()
  }
}
