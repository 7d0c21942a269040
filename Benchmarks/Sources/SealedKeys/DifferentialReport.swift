/// What a differential run has found.
public struct DifferentialReport: Codable, Sendable {
  /// Keys that were sealed and asked for again.
  public var keys: Int
  /// Answers that were compared with the truth, by what was asked.
  public var asked: [String: Int] = [:]
  /// Those that were wrong.
  public var wrong = WrongAnswers()
  /// What a fresh key cost, in stretches that end at powers of ten.
  public var stretches: [Stretch] = []
  /// Starts from the files in between.
  public var restarts: [Start] = []
  /// Merges of runs.
  public var merges = 0
  /// Runs when all keys were sealed.
  public var runs = 0
  /// Seconds of each phase, by its name.
  public var seconds: [String: Double] = [:]
  /// Figures with their limits.
  public var measures: [Measure] = []

  /// What fresh keys cost from one number of keys to another.
  public struct Stretch: Codable, Sendable {
    /// Keys at its end.
    public var keys: Int
    /// Nanoseconds of `judge` for a key.
    public var judging: Double
    /// Nanoseconds for a key in which upkeep was handed out and taken back.
    public var maintaining: Double
    /// Nanoseconds for a key in which it would have been refused: upkeep was behind.
    public var waiting: Double
    /// Nanoseconds for a key, all told: other work on the machine and the probes are in it.
    public var elapsed: Double
    /// The longest call of either, in milliseconds.
    public var longestCall: Double
  }

  /// A start.
  public struct Start: Codable, Sendable {
    /// Keys at that time.
    public var keys: Int
    /// Runs that were used.
    public var runs: Int
    /// Seconds in which they were opened.
    public var openSeconds: Double
    /// Keys that the log gave again.
    public var renewedKeys: Int
    /// Seconds in which it did.
    public var renewSeconds: Double
  }
}
