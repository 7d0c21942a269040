/// A place between two blocks of one partition's log, with the hash of everything before it.
///
/// Two logs that agree on a chain point agree on every block before it.
public struct ChainPoint: Sendable, Hashable {
  /// Number of entries before this place.
  public var position: LogPosition
  /// Content hash of the last block before this place; 0 at the very beginning.
  public var chain: UInt64

  /// A place between two blocks.
  public init(position: LogPosition, chain: UInt64) {
    self.position = position
    self.chain = chain
  }

  /// The beginning of a log.
  public static let beginning = ChainPoint(position: LogPosition(0), chain: 0)
}
