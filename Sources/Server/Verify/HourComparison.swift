public import Metering
internal import Wire

/// Compares what Postgres holds of the hours that deleted segments had usage of with the sums in
/// the manifest and what is left of these hours in the log.
public struct HourComparison: Sendable {
  /// Sums of an hour and a kind that are the same.
  public private(set) var equal = 0
  /// Sums that differ.
  public private(set) var differing = 0
  /// The first sums that differ, by hour and kind.
  public private(set) var differences: [HourDifference] = []

  private var expected: [SegmentSummary.HourKind: SegmentSummary.HourSums]
  private var found: [SegmentSummary.HourKind: SegmentSummary.HourSums] = [:]
  private let limit: Int

  /// A comparison.
  ///
  /// - Parameters:
  ///   - deleted: what deleted segments held.
  ///   - limit: how many differences are kept.
  public init(_ deleted: DeletedUsage, limit: Int) {
    expected = deleted.sums
    self.limit = limit
  }

  /// Takes a row of either table; hours that are whole in the log are passed over.
  ///
  /// - Parameters:
  ///   - place: its hour and kind.
  ///   - kept: what the retained log gives.
  ///   - stored: what Postgres holds.
  public mutating func take(
    _ place: SegmentSummary.HourKind, kept: UsageSums?, stored: UsageSums?
  ) {
    guard expected[place] != nil else { return }
    if let kept { expected[place, default: .init()].addWrapping(.init(kept)) }
    if let stored { found[place, default: .init()].addWrapping(.init(stored)) }
  }

  /// Compares once all rows are taken.
  public mutating func finish() {
    for (place, sums) in expected.sorted(by: { $0.key < $1.key }) {
      let stored = found[place] ?? .init()
      if stored == sums {
        equal += 1
        continue
      }
      differing += 1
      guard differences.count < limit else { continue }
      differences.append(HourDifference(place: place, expected: sums, found: stored))
    }
  }
}

extension HourComparison {
  /// Adds what comparing another partition's hours has shown.
  mutating func add(_ other: HourComparison) {
    equal += other.equal
    differing += other.differing
    let all = (differences + other.differences).sorted { $0.place < $1.place }
    differences = Array(all.prefix(limit))
  }
}

/// An hour and kind whose sums over all tenants are not those of the log and the manifest.
public struct HourDifference: Sendable, Hashable, CustomStringConvertible {
  /// The hour and the kind.
  public var place: SegmentSummary.HourKind
  /// What the manifest and the retained log give together.
  public var expected: SegmentSummary.HourSums
  /// What `usage_hourly` and `usage_adjustments` hold together.
  public var found: SegmentSummary.HourSums

  /// The sums in one line.
  public var description: String {
    "all \(place.kind.name) of \(place.hour.text): records \(found.count), quantity "
      + "\(found.quantity); the manifest and the log give \(expected.count) and "
      + "\(expected.quantity)"
  }
}

extension SegmentSummary.HourSums {
  /// What a row adds.
  fileprivate init(_ sums: UsageSums) { self.init(count: sums.count, quantity: sums.quantity) }
}
