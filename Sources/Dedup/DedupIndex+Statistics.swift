extension DedupIndex {
  /// Figures for an operator. Complexity: O(generations) and a sample of the filter.
  public var statistics: DedupStatistics {
    var result = DedupStatistics()
    result.keys = keyCount
    result.activeKeys = active.count
    result.activeCapacity = active.capacity
    result.closingKeys = closingKeys
    result.sealedKeys = sealedKeys
    result.generations = (active.count > 0 ? 1 : 0) + closing.count + runs.count
    result.runs = runs.count
    result.bytes = mappedBytes
    result.filterBytes = filter.memory.mappedBytes
    result.filterKeys = filter.insertedCount
    result.filterFill = filter.sampledFill
    return result
  }

  private var mappedBytes: Int {
    var bytes = active.memory.mappedBytes + filter.memory.mappedBytes
    bytes += prepared?.memory.mappedBytes ?? 0
    for table in closing { bytes += table.memory.mappedBytes }
    for run in runs { bytes += run.memory.mappedBytes }
    for memory in retired { bytes += memory.mappedBytes }
    bytes += filling?.run.memory.mappedBytes ?? 0
    return bytes
  }
}
