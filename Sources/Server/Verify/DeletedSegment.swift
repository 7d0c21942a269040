internal import Metering
internal import SegmentLog
internal import Wire

/// What the manifest says of a segment that retention has deleted.
struct DeletedSegment: Sendable {
  /// The number that was in its name.
  let number: UInt64
  /// The position where it began.
  let start: LogPosition
  /// Where it ended.
  let end: ChainPoint
  /// The arrival of its last entry.
  let lastArrival: Timestamp
  /// Sums per hour and kind, late usage under its own hour.
  let sums: [SegmentSummary.HourKind: SegmentSummary.HourSums]

  /// What a line of the manifest says; nil if it is not readable.
  init?(_ entry: ManifestEntry) {
    guard let chain = UInt64(entry.chain, radix: 16),
      let arrival = Timestamp(rfc3339: entry.lastArrival)
    else { return nil }
    number = entry.segment
    start = LogPosition(entry.start)
    end = ChainPoint(position: LogPosition(entry.end), chain: chain)
    lastArrival = arrival
    var sums: [SegmentSummary.HourKind: SegmentSummary.HourSums] = [:]
    for line in entry.hours {
      guard let hour = try? Hour(parsing: line.hour), let kind = UsageKind(name: line.kind),
        let quantity = Int128(line.quantity)
      else { return nil }
      sums[SegmentSummary.HourKind(hour: hour, kind: kind), default: .init()].addWrapping(
        SegmentSummary.HourSums(count: line.records, quantity: quantity))
    }
    self.sums = sums
  }

  /// Whether it may have held usage of a period. The manifest knows neither tenants nor bookings.
  func mayHold(_ period: PeriodBounds) -> Bool {
    sums.keys.contains { place in
      period.contains(place.hour)
        || (place.hour < period.start && mayHold(bookingIn: period.start))
    }
  }

  /// Whether usage that is booked in a period may be among it: that came once the period had begun.
  func mayHold(bookingIn start: Hour) -> Bool { lastArrival >= start.start }
}

extension SegmentSummary.HourSums {
  /// Adds other sums. What stands in a file or in Postgres may be any number: it wraps instead of
  /// trapping.
  mutating func addWrapping(_ other: Self) {
    count &+= other.count
    quantity &+= other.quantity
  }
}
