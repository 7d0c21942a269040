import MemoryRuns

@testable import Dedup

extension LogFront {
  /// A log with nothing in it.
  static let beginning = LogFront(sealed: LogPlace(position: 0, chain: 0), open: 0)
}

extension RunSpan {
  /// Some part of a log.
  static let sample = RunSpan(
    from: LogPlace(position: 10, chain: 11), through: LogPlace(position: 20, chain: 21), end: 22,
    after: 30, firstArrival: 31, lastArrival: 40)
}

extension SealedRun {
  /// All keys, in order.
  func allKeys() throws(RunError) -> [SealedKey] {
    var all: [SealedKey] = []
    for page in 0..<header.pageCount {
      let keys = try keys(ofPage: page)
      for place in 0..<keys.count { all.append(keys[place]) }
    }
    return all
  }
}

/// Writes a run.
func writeRun(
  _ number: UInt64 = 1, in store: MemoryRunStore = MemoryRunStore(), span: RunSpan = .sample,
  maximumKeys: Int, _ body: (inout RunWriter) throws -> Void
) throws -> SealedRun {
  let order = RunOrder(
    number: number, owner: .sample, span: span, maximumKeys: maximumKeys, filterBitsPerKey: 11,
    store: store)
  return try order.write(body)
}

/// A run of the keys of a table, made as the index makes it.
func sealedRun(of table: BucketTable) throws -> SealedRun {
  try writeRun(maximumKeys: table.count) { writer in
    try SealedRun.write(table, into: &writer, filters: RunsFilter().filters, rest: {})
  }
}
