public import Metering
internal import SegmentLog
internal import Wire

/// What the segments that retention deleted held, as the manifest says.
public struct DeletedUsage: Sendable {
  /// Number of deleted segments.
  public let segments: Int
  /// Sums per hour and kind over all of them, late usage under its own hour.
  public let sums: [SegmentSummary.HourKind: SegmentSummary.HourSums]
  /// The arrival of the last entry in them; nil if nothing was deleted.
  private let lastArrival: Timestamp?

  /// Nothing was deleted.
  public static let none = DeletedUsage(segments: 0, sums: [:], lastArrival: nil)

  private init(
    segments: Int, sums: [SegmentSummary.HourKind: SegmentSummary.HourSums],
    lastArrival: Timestamp?
  ) {
    self.segments = segments
    self.sums = sums
    self.lastArrival = lastArrival
  }

  /// The usage of the segments before the first retained one.
  ///
  /// A segment whose deletion a crash interrupted stands in the manifest and in the log, or twice
  /// in the manifest; it counts once.
  ///
  /// - Parameters:
  ///   - manifest: the lines of the manifest.
  ///   - number: the number of the first retained segment.
  ///   - start: the position where it begins.
  /// - Throws: ``CommandFailure`` if the manifest does not describe every segment before it.
  public init(
    _ manifest: [ManifestEntry], before number: UInt64, at start: UInt64
  ) throws(CommandFailure) {
    var entries: [UInt64: ManifestEntry] = [:]
    for entry in manifest where entry.segment < number { entries[entry.segment] = entry }
    var sums: [SegmentSummary.HourKind: SegmentSummary.HourSums] = [:]
    var last: Timestamp?
    var position: UInt64 = 0
    for entry in entries.values.sorted(by: { $0.segment < $1.segment }) {
      guard entry.start == position, let arrival = Timestamp(rfc3339: entry.lastArrival) else {
        throw Self.missing(from: position, to: start)
      }
      for hour in entry.hours {
        guard let key = hour.key, let quantity = Int128(hour.quantity) else {
          throw Self.missing(from: position, to: start)
        }
        sums[key, default: .init()].count += hour.records
        sums[key, default: .init()].quantity += quantity
      }
      last = max(last ?? arrival, arrival)
      position = entry.end
    }
    guard position == start else { throw Self.missing(from: position, to: start) }
    self.init(segments: entries.count, sums: sums, lastArrival: last)
  }

  /// Whether no deleted segment had usage of a period: neither of its hours, nor late usage that is
  /// booked in it, which can only have come after it began.
  func spares(_ period: PeriodBounds) -> Bool {
    guard let lastArrival else { return true }
    return lastArrival < period.start.start && !sums.keys.contains { period.contains($0.hour) }
  }

  private static func missing(from: UInt64, to: UInt64) -> CommandFailure {
    CommandFailure(
      "the log begins at position \(to), and the manifest does not say what the segments from "
        + "position \(from) on held: no usage of these can be verified", exit: .beyondRetention)
  }
}

extension ManifestEntry.HourSums {
  /// The hour and the kind; nil if they are not readable.
  fileprivate var key: SegmentSummary.HourKind? {
    guard let hour = try? Hour(parsing: hour), let kind = UsageKind(name: kind) else { return nil }
    return SegmentSummary.HourKind(hour: hour, kind: kind)
  }
}
