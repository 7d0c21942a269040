public import Wire

/// A whole hour in UTC, counted from 1970-01-01T00:00:00Z.
public struct Hour: Sendable, Hashable, Comparable {
  /// Hours since 1970-01-01T00:00:00Z.
  public var index: Int32

  /// Milliseconds of one hour.
  public static let milliseconds: Int64 = 3_600_000

  /// The hour with this number since 1970-01-01T00:00:00Z.
  @inlinable
  public init(index: Int32) { self.index = index }

  /// The hour that holds a time.
  ///
  /// - Parameter time: a time between 1970 and 9999; others are clamped to that range.
  @inlinable
  public init(containing time: Timestamp) {
    let clamped = min(max(time.milliseconds, 0), Timestamp.latest.milliseconds)
    index = Int32(truncatingIfNeeded: clamped / Hour.milliseconds)
  }

  /// The first millisecond of the hour.
  @inlinable
  public var start: Timestamp { Timestamp(milliseconds: Int64(index) * Hour.milliseconds) }

  /// The first millisecond after the hour.
  @inlinable
  public var end: Timestamp { Timestamp(milliseconds: (Int64(index) + 1) * Hour.milliseconds) }

  /// Whether the left hour is earlier.
  @inlinable
  public static func < (left: Hour, right: Hour) -> Bool { left.index < right.index }
}
