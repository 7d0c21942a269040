internal import Dedup
internal import Logging
internal import Metering

/// The runs that a start goes on with.
struct RecoveredKeys {
  private let files: PartitionFiles
  private let store: RunFiles
  private let window: Int64
  private let logger: Logger

  /// The runs of a partition.
  ///
  /// - Parameter window: the dedup window in milliseconds.
  init(_ files: PartitionFiles, window: Int64, logger: Logger) {
    self.files = files
    store = RunFiles(files)
    self.window = window
    self.logger = logger
  }

  /// Recovers a ledger with the runs that fit its log; without any, if they turn out not to.
  func recover(
    _ body: (any RunStore, [SealedRun]) throws -> Ledger
  ) throws -> Ledger {
    let runs = try choose()
    do {
      return try body(store, runs)
    } catch let error as RecoveryError {
      guard case .runsNotOnChain = error else { throw error }
      logger.error(
        "runs of the key index are set aside and rebuilt from the log",
        metadata: ["reason": "\(error)"])
      for run in runs { try store.setAside(run.header.number) }
      return try body(store, [])
    }
  }

  /// Opens the runs and takes those that join up to the log.
  private func choose() throws -> [SealedRun] {
    let found = try store.open()
    for (path, error) in found.damaged {
      logger.error(
        "a damaged run of the key index is set aside and rebuilt from the log",
        metadata: ["file": "\(path)", "reason": "\(error)"])
    }
    let log = try LogExtent(files)
    let (expired, overflow) = log.lastArrival.subtractingReportingOverflow(window)
    let chain = RunChain(
      found.runs.map(\.header), log: log.positions, expired: overflow ? .min : expired)
    if let lost = chain.lostThrough {
      logger.critical(
        "keys are lost, neither the runs nor the log have them; usage from before is refused",
        metadata: ["arrivals through": "\(lost)"])
    }
    let used = chain.used.compactMap { number in
      found.runs.first { $0.header.number == number }
    }
    // What a crash left beside its successor, and what cannot be used, is written again if needed.
    for run in found.runs where !chain.used.contains(run.header.number) {
      store.remove(run.header.number)
    }
    return used
  }
}
