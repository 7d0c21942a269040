/// Figures of a ``DedupIndex`` for an operator.
public struct DedupStatistics: Sendable, Hashable {
  /// Keys in the index: active, closing and sealed ones.
  public var keys = 0
  /// Keys that fit below all limits.
  public var capacity = 0
  /// The limit that is reached first.
  public var bound = DedupLimits.Bound.keys
  /// How fast keys come, and when there is no room for more.
  public var forecast = DedupForecast()
  /// Keys in the generation that takes new keys.
  public var activeKeys = 0
  /// How many keys that generation may take.
  public var activeCapacity = 0
  /// Keys of closed generations that still stand in their tables.
  public var closingKeys = 0
  /// Keys in sealed runs.
  public var sealedKeys = 0
  /// Generations that hold keys, the active one included.
  public var generations = 0
  /// Sealed runs.
  public var runs = 0
  /// Bytes of their files.
  public var diskBytes = 0
  /// Bytes of memory that are mapped for tables, runs and filter; idle ones are not all resident.
  public var bytes = 0
  /// Bytes of the Bloom filter in front of the sealed runs.
  public var filterBytes = 0
  /// Keys that were put into the filter, departed ones included.
  public var filterKeys = 0
  /// Share of the filter's bits that are set, 0 to 1, from a sample of its blocks.
  public var filterFill = 0.0

  /// How many of the keys that are in no run the filter lets through, 0 to 1: each has eight bits.
  public var falsePositiveRate: Double {
    let square = filterFill * filterFill
    return square * square * square * square
  }

  /// How full the active generation is, 0 to 1.
  public var load: Double {
    activeCapacity == 0 ? 0 : Double(activeKeys) / Double(activeCapacity)
  }
}
