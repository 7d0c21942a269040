internal import Dedup
internal import Server

/// A start from run files, as the service does it.
struct Restart {
  let index: ServedIndex
  /// Runs that are used.
  let runs: Int
  /// Seconds to open them: their fences and filters are read and checked.
  let openSeconds: Double
  /// Files that could not be read.
  let damaged: [String]
  /// The arrival up to which keys are lost; nil if none are.
  let lostThrough: Int64?

  /// Opens the runs of a folder and removes those that are not used.
  ///
  /// - Parameters:
  ///   - log: the positions that the log still has.
  ///   - now: the arrival of the last key in the log.
  init(
    _ limits: DedupLimits, folder: String, log: ClosedRange<UInt64>, now: Int64,
    blockKeys: UInt64 = ServedIndex.blockKeys
  ) throws {
    let store = RunFiles(folder: folder)
    let started = Clock.now
    let found = try store.open()
    let chain = RunChain(found.runs.map(\.header), log: log, expired: now - limits.window)
    let used = chain.used.compactMap { number in
      found.runs.first { $0.header.number == number }
    }
    openSeconds = Clock.seconds(since: started)
    for run in found.runs where !chain.used.contains(run.header.number) {
      store.remove(run.header.number)
    }
    index = ServedIndex(
      limits, folder: folder, runs: used, position: chain.through.position, blockKeys: blockKeys)
    runs = used.count
    damaged = found.damaged.map { "\($0.path): \($0.error)" }
    lostThrough = chain.lostThrough
  }
}
