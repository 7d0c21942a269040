public import Wire

/// Decides whether a reading of the wall clock may move the ledger's time.
///
/// The ledger's time never runs backwards. A reading is believed while the wall clock and the
/// monotonic clock have moved by the same amount, within a minute, since a reference reading. The
/// reference moves on once an hour, so that slow corrections of the wall clock pass. While a
/// reading is not believed the service holds; it goes on by itself when the wall clock comes back,
/// or when an operator confirms the new time.
public struct ClockGuard: Sendable {
  /// How far the wall clock may leave the monotonic clock, in milliseconds.
  public static let tolerance: Int64 = 60_000
  /// How long a reference stands, in milliseconds of monotonic time.
  static let referenceLifetime: Int64 = 3_600_000

  /// Why the ledger's time is held.
  public struct Hold: Sendable, Hashable {
    /// Where the wall clock was expected.
    public var expected: Timestamp
    /// Where the wall clock was found.
    public var found: Timestamp
    /// Whether the difference was found at the start, against the log.
    public var sinceStart: Bool
  }

  private var reference: (wall: Int64, monotonic: Int64)?
  private let maximumAdvance: Int64

  /// Why the ledger's time is held, or nil while it is not.
  public private(set) var hold: Hold?

  /// A guard that has not seen a reading yet.
  ///
  /// - Parameter maximumAdvance: how far the first reading may be ahead of the log, in
  ///   milliseconds.
  public init(maximumAdvance: Int64) { self.maximumAdvance = maximumAdvance }

  /// Takes a reading of both clocks and says whether it may move the ledger's time.
  ///
  /// - Parameters:
  ///   - wall: the wall clock.
  ///   - monotonic: the monotonic clock, in milliseconds from any origin.
  ///   - log: the ledger's time, nil while the log is empty.
  public mutating func observe(wall: Timestamp, monotonic: Int64, log: Timestamp?) -> Bool {
    guard let reference, hold?.sinceStart != true else {
      return observeFirst(wall: wall, monotonic: monotonic, log: log)
    }
    let expected = reference.wall &+ (monotonic &- reference.monotonic)
    guard (wall.milliseconds &- expected).magnitude <= UInt64(Self.tolerance) else {
      hold = Hold(
        expected: Timestamp(milliseconds: expected), found: wall, sinceStart: false)
      return false
    }
    hold = nil
    if monotonic &- reference.monotonic >= Self.referenceLifetime {
      self.reference = (wall.milliseconds, monotonic)
    }
    return true
  }

  private mutating func observeFirst(wall: Timestamp, monotonic: Int64, log: Timestamp?) -> Bool {
    reference = (wall.milliseconds, monotonic)
    guard let log else { return true }
    let advance = wall.milliseconds &- log.milliseconds
    guard advance <= maximumAdvance, advance >= -Self.tolerance else {
      hold = Hold(expected: log, found: wall, sinceStart: true)
      return false
    }
    hold = nil
    return true
  }

  /// Believes the given reading from now on.
  public mutating func confirm(wall: Timestamp, monotonic: Int64) {
    reference = (wall.milliseconds, monotonic)
    hold = nil
  }
}
