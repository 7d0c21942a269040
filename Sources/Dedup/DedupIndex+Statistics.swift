extension DedupIndex {
  /// Figures for an operator. Complexity: O(generations) and a sample of the filter.
  public var statistics: DedupStatistics {
    var result = DedupStatistics()
    result.keys = keyCount
    (result.capacity, result.bound) = limits.capacity(geometry)
    result.activeKeys = active.count
    result.activeCapacity = active.capacity
    result.closingKeys = closingKeys
    result.sealedKeys = sealedKeys
    result.generations = (active.count > 0 ? 1 : 0) + closing.count + runs.count
    result.runs = runs.count
    result.diskBytes = fileBytes
    result.bytes = mappedBytes
    result.filterBytes = filter.mappedBytes
    result.filterKeys = filter.keyCount
    result.filterFill = runs.isEmpty ? 0 : filter.sampledFill
    result.forecast = forecast
    return result
  }

  /// Bytes of all files that are not removed yet.
  var fileBytes: Int {
    (runs + retired.runs + retired.expired).reduce(0) { $0 + $1.header.fileByteCount }
  }

  private var mappedBytes: Int {
    var bytes = active.memory.mappedBytes + filter.mappedBytes
    bytes += prepared?.memory.mappedBytes ?? 0
    for slice in nextSlices?.slices ?? [] { bytes += slice?.filter.memory.mappedBytes ?? 0 }
    for generation in closing { bytes += generation.table.memory.mappedBytes }
    for run in runs + retired.runs + retired.expired { bytes += run.residentByteCount }
    for memory in retired.memory { bytes += memory.mappedBytes }
    bytes += unlisted?.run.residentByteCount ?? 0
    return bytes
  }
}
