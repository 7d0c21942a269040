public import SegmentLog
public import Wire

/// A record that the log holds, as it was judged, or as a correction took it in or out.
public struct LoggedRecord: Sendable, Hashable {
  /// How a record came into the log.
  public enum Origin: Sendable, Hashable {
    /// In a batch of a source.
    case batch(source: SourceIdentity, sequence: UInt64)
    /// By an operator's correction: it replaces another one, after so many amendments, or it was
    /// quarantined.
    case added(Correction.Subject, revision: UInt32)
    /// It is the negative of a record that no longer counts.
    case voided(LogPosition)
  }

  /// Its position in the log of its partition; of a correction that takes one record out and
  /// another one in both have it.
  public var position: LogPosition
  /// The record as it counts.
  public var booked: BookedRecord
  /// When it arrived, by the ledger's time.
  public var arrival: Timestamp
  /// How it came into the log.
  public var origin: Origin

  /// A record of the log.
  public init(
    position: LogPosition, booked: BookedRecord, arrival: Timestamp, origin: Origin
  ) {
    self.position = position
    self.booked = booked
    self.arrival = arrival
    self.origin = origin
  }

  /// The record; its context is the one that it is booked under.
  public var record: UsageRecord { booked.record }

  /// Whether it takes another record's amounts away.
  public var isVoided: Bool {
    if case .voided = origin { true } else { false }
  }

  /// The verdict: ``Verdict/accepted`` or ``Verdict/late``.
  public var verdict: Verdict { booked.bookingStart == nil ? .accepted : .late }

  /// The hour of its event time.
  public var hour: Hour { Hour(containing: record.time) }

  /// What it adds to its row but for the digest, which needs the installation's secret.
  public var sums: UsageSums {
    let amount = FoldedAmount(
      kind: record.kind.rawValue, time: record.time.milliseconds, quantity: record.quantity,
      weight: booked.weight, booking: booked.bookingStart?.index ?? RollupKey.notLate)
    let sums = UsageSums(
      count: 1, quantity: Int128(record.quantity), weighted: amount.weighted,
      byteMilliseconds: amount.byteMilliseconds)
    return isVoided ? sums.negated : sums
  }

  /// The record as a correction needs it; nil if it does not count.
  public var found: FoundRecord? {
    switch origin {
    case .voided: nil
    case .batch: FoundRecord(position: position, booked: booked)
    case .added(_, let revision):
      FoundRecord(position: position, booked: booked, revision: revision)
    }
  }
}
