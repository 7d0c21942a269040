public import SegmentLog
public import Wire

/// A block of the log as ``LogDecoder`` leaves it: decoded, checked, and without need of the bytes
/// that it came from. Its memory is used again for the next block.
///
/// One thread at a time has a block; handing it over is the caller's to synchronize.
public final class LoggedBlock: @unchecked Sendable {
  /// The place before the block's first entry.
  public internal(set) var start = ChainPoint.beginning
  /// The place behind its last entry.
  public internal(set) var end = ChainPoint.beginning
  /// The arrival of its last entry.
  public internal(set) var lastArrival = Timestamp(milliseconds: 0)
  /// Bytes of the block in its segment.
  public internal(set) var byteCount = 0

  /// What a control block holds; nil for a block of usage.
  var entry: ControlEntry?
  /// What a block of usage holds; empty for a control block.
  var usage = UsageBlock()
  /// The sums of its records.
  var sums = HourlySums()

  /// The snapshot that it holds; nil for any other block.
  public var snapshot: LedgerSnapshot? {
    if case .snapshot(let snapshot) = entry { snapshot } else { nil }
  }

  /// A block that nothing was decoded into yet.
  public init() {}
}
