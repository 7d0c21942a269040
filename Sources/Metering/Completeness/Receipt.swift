public import SegmentLog
public import Wire

/// The log's note that a batch was judged, as a repeated ack needs it.
public struct Receipt: Sendable, Hashable {
  /// How many records got each verdict.
  public var counts: VerdictCounts
  /// The log position up to which the log must be synced before the receipt may be told.
  public var position: LogPosition
  /// When the batch arrived, by the ledger's time.
  public var arrival: Timestamp

  /// A note that a batch was judged.
  public init(counts: VerdictCounts, position: LogPosition, arrival: Timestamp) {
    self.counts = counts
    self.position = position
    self.arrival = arrival
  }
}

/// Names one batch of one source inside a ledger.
public struct BatchKey: Sendable, Hashable {
  /// The ledger's number of the source.
  public var source: UInt32
  /// The epoch of the numbering.
  public var epoch: UInt64
  /// The batch's number in it.
  public var sequence: UInt64

  /// The name of one batch.
  public init(source: UInt32, epoch: UInt64, sequence: UInt64) {
    self.source = source
    self.epoch = epoch
    self.sequence = sequence
  }
}
