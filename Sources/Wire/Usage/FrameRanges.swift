/// Where the parts of one frame stand in ``UsageColumns``.
public struct FrameRanges: Sendable, Equatable {
  /// The frame's header.
  public var header: FrameHeader
  /// The frame's records.
  public var records: Range<Int>
  /// The frame's entries in ``UsageColumns/tenants``.
  public var tenants: Range<Int>
  /// The frame's entries in ``UsageColumns/operations``.
  public var operations: Range<Int>
  /// The frame's entries in ``UsageColumns/contexts``.
  public var contexts: Range<Int>
  /// Where the source name stands among the names of sources.
  var source: Range<Int>
}
