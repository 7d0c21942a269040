public import Metering
internal import SegmentLog
internal import Wire

/// What the segments that retention deleted held, as the manifest says.
public struct DeletedUsage: Sendable {
  /// The deleted segments, ascending.
  let segments: [DeletedSegment]
  /// Sums per hour and kind over all of them, late usage under its own hour.
  public let sums: [SegmentSummary.HourKind: SegmentSummary.HourSums]
  /// The last arrival in those segments that had usage of an hour and kind.
  private let lastArrivals: [SegmentSummary.HourKind: Timestamp]

  /// Nothing was deleted.
  public static let none = DeletedUsage([])

  private init(_ segments: [DeletedSegment]) {
    self.segments = segments
    var sums: [SegmentSummary.HourKind: SegmentSummary.HourSums] = [:]
    var arrivals: [SegmentSummary.HourKind: Timestamp] = [:]
    for segment in segments {
      for (place, held) in segment.sums {
        sums[place, default: .init()].addWrapping(held)
        arrivals[place] = max(arrivals[place] ?? segment.lastArrival, segment.lastArrival)
      }
    }
    self.sums = sums
    lastArrivals = arrivals
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
    var segments: [DeletedSegment] = []
    var position: UInt64 = 0
    for entry in entries.values.sorted(by: { $0.segment < $1.segment }) {
      guard entry.start == position, let segment = DeletedSegment(entry) else {
        throw Self.missing(from: position, to: start)
      }
      segments.append(segment)
      position = entry.end
    }
    guard position == start else { throw Self.missing(from: position, to: start) }
    self.init(segments)
  }

  /// Whether no deleted segment had usage of a period: neither of its hours, nor late usage that is
  /// booked in it.
  func spares(_ period: PeriodBounds) -> Bool {
    !segments.contains { $0.mayHold(period) }
  }

  /// Whether a deleted segment may have had usage of a row.
  ///
  /// - Parameters:
  ///   - place: its hour and kind.
  ///   - bookingStart: where the period begins that an adjustment is booked in; nil for usage.
  func mayHold(_ place: SegmentSummary.HourKind, bookingStart: Hour?) -> Bool {
    guard let lastArrival = lastArrivals[place] else { return false }
    return bookingStart.map { lastArrival >= $0.start } ?? true
  }

  private static func missing(from: UInt64, to: UInt64) -> CommandFailure {
    CommandFailure(
      "the log begins at position \(to), and the manifest does not say what the segments from "
        + "position \(from) on held: no usage of these can be verified", exit: .beyondRetention)
  }
}
