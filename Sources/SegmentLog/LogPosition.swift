/// A place in one partition's log: the number of entries before it.
///
/// Every usage record, receipt and control entry counts one. A block starts at the position where
/// the block before it ends.
public struct LogPosition: Sendable, Hashable, Comparable {
  /// Number of entries before this place.
  public var rawValue: UInt64

  /// The place after this many entries.
  @inlinable
  public init(_ rawValue: UInt64) { self.rawValue = rawValue }

  /// Whether the left place comes first.
  @inlinable
  public static func < (left: LogPosition, right: LogPosition) -> Bool {
    left.rawValue < right.rawValue
  }
}
