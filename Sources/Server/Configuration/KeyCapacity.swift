internal import Dedup

/// How many keys the dedup window holds, and how fast they may come.
public struct KeyCapacity: Codable, Sendable, Hashable {
  /// New records a second.
  public struct Rate: Codable, Sendable, Hashable {
    /// How long they may come like this into an empty window, as a setting is written.
    public var lasting: String
    /// Records a second.
    public var recordsPerSecond: Int
  }

  /// Keys that fit.
  public var keys: Int
  /// The setting that decides it.
  public var boundBy: String
  /// What fits for ever, for a day and for an hour; the last two only if the window is longer.
  public var rates: [Rate]

  /// The rates in one line: `285 for ever, 11574 for 1d`.
  var text: String {
    rates.map { "\($0.recordsPerSecond) for \($0.lasting)" }.joined(separator: ", ")
  }

  init(_ configuration: ServerConfiguration) {
    let limits = configuration.dedupLimits
    let capacity = limits.capacity
    keys = capacity.keys * configuration.ingest.partitions
    boundBy = capacity.bound.setting
    rates = [Rate(lasting: "ever", recordsPerSecond: keys / Int(limits.longestStay / 1_000))]
    for time in [Duration.seconds(86_400), .seconds(3_600)]
    where time < configuration.dedup.window {
      rates.append(
        Rate(lasting: time.text, recordsPerSecond: keys / Int(time.milliseconds / 1_000)))
    }
  }
}

extension DedupLimits.Bound {
  /// The key of the setting.
  var setting: String {
    switch self {
    case .keys: "dedup.maximumKeys"
    case .memory: "dedup.maximumMemory"
    case .disk: "dedup.maximumDisk"
    }
  }
}

extension LoadedConfiguration {
  /// What the dedup window holds with this configuration.
  public var keyCapacity: KeyCapacity { KeyCapacity(configuration) }
}
