/// For how long and how many keys a ``DedupIndex`` remembers, and what it may take for them.
public struct DedupLimits: Sendable, Hashable {
  /// For how long at least a key is recognised after its first arrival, in milliseconds.
  public var window: Int64
  /// Keys at most.
  public var maximumKeys: Int
  /// Bytes of memory at most; below ``leastMemory`` few keys fit, or none.
  public var maximumMemory: Int
  /// Bytes of files at most; below ``leastDisk`` few keys fit.
  public var maximumDisk: Int
  /// How many generations share the window: one closes at the latest after `window / generations`.
  public var generations: Int

  /// Limits of an index.
  public init(
    window: Int64 = 36 * 86_400_000, maximumKeys: Int = 1_000_000_000,
    maximumMemory: Int = 4 << 30, maximumDisk: Int = 24 << 30, generations: Int = 12
  ) {
    self.window = window
    self.maximumKeys = maximumKeys
    self.maximumMemory = maximumMemory
    self.maximumDisk = maximumDisk
    self.generations = generations
  }

  /// The least memory with which an index does its work: tables of the least size, and as much
  /// again for sealed keys.
  public static let leastMemory = 64 << 20
  /// The least disk, room for some runs of the least size.
  public static let leastDisk = 64 << 20

  /// Which limit it is that decides how many keys fit.
  public enum Bound: String, Sendable, CaseIterable {
    /// ``DedupLimits/maximumKeys``.
    case keys
    /// ``DedupLimits/maximumMemory``.
    case memory
    /// ``DedupLimits/maximumDisk``.
    case disk
  }

  /// Keys that fit below all limits, and the limit that is reached first.
  public var capacity: (keys: Int, bound: Bound) { capacity(TableGeometry()) }

  func capacity(_ geometry: TableGeometry) -> (keys: Int, bound: Bound) {
    let sealedMemory = maximumMemory - geometry.tableMemory(self)
    let byMemory = max(0, sealedMemory) / TableGeometry.memoryPerSealedKey
    // The rest is for merged runs, which stand beside their parts for a while.
    let byDisk = maximumDisk / 8 * 7 / TableGeometry.diskPerSealedKey
    let least = min(maximumKeys, byMemory, byDisk)
    return (least, least == maximumKeys ? .keys : least == byMemory ? .memory : .disk)
  }

  /// The longest that a key stays, in milliseconds: a run leaves as a whole, with its last key.
  public var longestStay: Int64 { window + max(longestMergedSpan, generationAge) }

  /// The longest time from the first to the last arrival of a merged run, in milliseconds. A longer
  /// one would keep keys in the index, and on disk, long after the window.
  var longestMergedSpan: Int64 { window / 8 }

  /// The age in milliseconds at which a generation closes.
  var generationAge: Int64 { max(1, window / Int64(clamping: generations)) }

  /// Whether there is anything to work with.
  var areValid: Bool {
    window > 0 && window < .max / 4 && maximumKeys > 0 && generations > 0
      && maximumMemory > 0 && maximumDisk > 0
  }
}
