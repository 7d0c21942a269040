/// What a receiver takes at most.
public struct WireLimits: Sendable, Hashable {
  /// The longest frame in bytes, tag included; 192 to 65,507.
  public var maximumFrameLength: Int
  /// The most records of a frame, and the most entries of each of its tables; 1 to 8,192.
  public var maximumRecordsPerFrame: Int

  /// Limits of a receiver. Values outside the ranges of the format are brought inside.
  public init(
    maximumFrameLength: Int = WireLimits.longestFrame,
    maximumRecordsPerFrame: Int = WireLimits.mostRecords
  ) {
    self.maximumFrameLength = min(
      max(maximumFrameLength, Self.minimumClientFrameLength), Self.longestFrame)
    self.maximumRecordsPerFrame = min(max(maximumRecordsPerFrame, 1), Self.mostRecords)
  }

  /// The limits of the format.
  public static let standard = WireLimits()

  /// The longest frame in bytes: the largest UDP payload over IPv4 (65,535 − 20 − 8).
  public static let longestFrame = 65_507
  /// The most records in a frame.
  public static let mostRecords = 8_192
  /// The shortest frame of a source in bytes, so that no answer outgrows what it answers.
  public static let minimumClientFrameLength = 192
  /// The longest frame in bytes that fits one packet on common networks: a sender's default.
  public static let defaultDatagramLength = 1_432
  /// The most missing ranges in an ack.
  public static let maximumMissingRanges = 16
  /// The longest name or text key in bytes.
  public static let maximumTextLength = 255
  /// The longest source name in bytes.
  public static let maximumSourceLength = 64
}
