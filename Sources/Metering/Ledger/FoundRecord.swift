public import SegmentLog
public import Wire

/// An accepted record as it was found in the log.
public struct FoundRecord: Sendable, Hashable {
  /// Its position.
  public var position: LogPosition
  /// The record as it was booked.
  public var booked: BookedRecord
  /// How many amendments led to it.
  public var revision: UInt32

  /// An accepted record as it was found in the log.
  public init(position: LogPosition, booked: BookedRecord, revision: UInt32 = 0) {
    self.position = position
    self.booked = booked
    self.revision = revision
  }
}

/// What an amendment changes in a record; nil keeps what is there.
public struct Amendment: Sendable, Hashable {
  /// The quantity.
  public var quantity: Int64?
  /// The operation.
  public var operation: String?
  /// The type and name of the context.
  public var context: (ContextType, String)? {
    get { contextType.map { ($0, contextName) } }
    set { (contextType, contextName) = (newValue?.0, newValue?.1 ?? "") }
  }
  /// The event time.
  public var time: Timestamp?
  private var contextType: ContextType?
  private var contextName = ""

  /// An amendment that changes nothing yet.
  public init() {}

  /// The record with what is changed.
  func applied(to record: UsageRecord) -> UsageRecord {
    var changed = record
    changed.quantity = quantity ?? record.quantity
    changed.operation = operation ?? record.operation
    if let context { (changed.contextType, changed.context) = context }
    changed.time = time ?? record.time
    return changed
  }
}
