public import Metering

/// Compares the rows that the log gives with the rows of one table, both in the order of their
/// keys: one pass, whatever the number of rows in Postgres.
public struct RollupComparison: Sendable {
  /// Rows that are the same in both.
  public private(set) var equal = 0
  /// Rows that differ.
  public private(set) var differing = 0
  /// Rows that are not the same, of hours that deleted segments had usage in: the log alone can no
  /// longer say what they must be.
  public private(set) var incomparable = 0
  /// The first rows that differ.
  public private(set) var differences: [RollupDifference] = []

  private let expected: [RollupRow]
  private let gone: Set<SegmentSummary.HourKind>
  private let limit: Int
  private var next = 0

  /// A comparison.
  ///
  /// - Parameters:
  ///   - expected: the rows that the log gives, in any order.
  ///   - gone: the hours and kinds that deleted segments had usage of.
  ///   - limit: how many differences are kept.
  public init(
    expected: [RollupRow], gone: Set<SegmentSummary.HourKind> = [], limit: Int
  ) {
    self.expected = expected.sorted { $0.order($1) == .before }
    self.gone = gone
    self.limit = limit
  }

  /// Takes the next row of Postgres; rows come in the order of their keys.
  public mutating func take(_ found: RollupRow) {
    while next < expected.count {
      let row = expected[next]
      switch row.order(found) {
      case .before:
        note(RollupDifference(row: row, expected: row.sums, found: nil))
        next += 1
      case .same:
        next += 1
        if row.sums == found.sums {
          equal += 1
        } else {
          note(RollupDifference(row: row, expected: row.sums, found: found.sums))
        }
        return
      case .after:
        note(RollupDifference(row: found, expected: nil, found: found.sums))
        return
      }
    }
    note(RollupDifference(row: found, expected: nil, found: found.sums))
  }

  /// Takes the end of the rows of Postgres.
  public mutating func finish() {
    while next < expected.count {
      note(RollupDifference(row: expected[next], expected: expected[next].sums, found: nil))
      next += 1
    }
  }

  private mutating func note(_ difference: RollupDifference) {
    let place = SegmentSummary.HourKind(
      hour: difference.row.hour, kind: difference.row.subject.kind)
    // Usage that is gone can only be missing in the log, never in Postgres.
    if difference.found != nil, gone.contains(place) {
      incomparable += 1
      return
    }
    differing += 1
    if differences.count < limit { differences.append(difference) }
  }
}
