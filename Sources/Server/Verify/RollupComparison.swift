public import Metering
internal import Wire

/// Compares the rows of one table with the rows that the log gives.
public struct RollupComparison: Sendable {
  /// Rows that are the same in both.
  public private(set) var equal = 0
  /// Rows that differ.
  public private(set) var differing = 0
  /// Rows whose usage deleted segments may have had a part of: the log alone can no longer say what
  /// they must be.
  public private(set) var incomparable = 0
  /// The hours of these rows.
  public private(set) var incomparableHours: Set<Hour> = []
  /// The first rows that differ, in the order of their keys.
  public private(set) var differences: [RollupDifference] = []

  private let limit: Int

  /// A comparison of nothing yet.
  ///
  /// - Parameter limit: how many differences are kept.
  public init(limit: Int) { self.limit = limit }

  /// Takes a row in any order.
  ///
  /// - Parameters:
  ///   - expected: what the retained log gives; nil if it has no such row.
  ///   - found: what Postgres holds; nil if it has no such row.
  ///   - isGone: whether deleted segments may have had usage of the row.
  ///   - row: makes the row, which only a difference needs.
  public mutating func take(
    expected: UsageSums?, found: UsageSums?, isGone: Bool = false, row: () -> RollupRow
  ) {
    if expected == found {
      equal += 1
      return
    }
    let row = row()
    if isGone, let found, Self.holds(found, expected ?? UsageSums(), row) {
      incomparable += 1
      incomparableHours.insert(row.hour)
      return
    }
    differing += 1
    keep(RollupDifference(row: row, expected: expected, found: found))
  }

  /// Whether sums can have a part of the log in them: what is gone can only be missing in the log,
  /// never in Postgres. Of adjustments a void may be gone, which took something away.
  private static func holds(_ sums: UsageSums, _ part: UsageSums, _ row: RollupRow) -> Bool {
    if row.table == .adjustments { return true }
    guard sums.count >= part.count else { return false }
    return row.subject.kind == .storage
      || (sums.quantity >= part.quantity && sums.weighted >= part.weighted)
  }

  private mutating func keep(_ difference: RollupDifference) {
    let place =
      differences.firstIndex { difference.row.order($0.row) == .before } ?? differences.count
    guard place < limit else { return }
    differences.insert(difference, at: place)
    if differences.count > limit { differences.removeLast() }
  }
}
