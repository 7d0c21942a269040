internal import Database
internal import Foundation
internal import Metering
internal import Postgres
internal import SealedKeys

/// What the lock of finalized periods costs a flush: the same flush with the triggers that are the
/// lock and without them, in turn, so that whatever else the machine does meets both.
struct LockCost {
  /// Flushes of each kind that a median is of.
  private static let pairs = 7

  private let administrator: PostgresConnection
  private(set) var measures: [Measure] = []

  /// - Parameter administrator: a superuser's session.
  init(_ administrator: PostgresConnection) { self.administrator = administrator }

  /// Measures flushes.
  ///
  /// - Parameters:
  ///   - name: what they do to the rows.
  ///   - isSmall: whether it is enough to show that it works.
  ///   - flush: does the next one.
  mutating func measure(_ name: String, isSmall: Bool, _ flush: () throws -> Void) throws {
    var (locked, open): ([Double], [Double]) = ([], [])
    for pair in 0..<(isSmall ? 1 : Self.pairs) {
      // Which comes first changes, too.
      for isLocked in pair % 2 == 0 ? [true, false] : [false, true] {
        try setLock(isLocked)
        let elapsed = try ContinuousClock().measure(flush)
        let milliseconds = elapsed / .milliseconds(1)
        if isLocked { locked.append(milliseconds) } else { open.append(milliseconds) }
      }
    }
    try setLock(true)
    let (with, without) = (Self.median(locked), Self.median(open))
    measures += [
      Measure("flush of \(name), with the lock", with, "ms"),
      Measure("the same without it", without, "ms"),
      Measure("so the lock adds", (with / without - 1) * 100, "%", atMost: 25),
    ]
  }

  private func setLock(_ isLocked: Bool) throws {
    for trigger in ["usage_inserted", "usage_updated"] {
      try administrator.execute(
        """
        ALTER TABLE weighbridge.usage_hourly
        \(isLocked ? "ENABLE ALWAYS" : "DISABLE") TRIGGER \(trigger)
        """)
    }
  }

  private static func median(_ values: [Double]) -> Double { values.sorted()[values.count / 2] }
}
