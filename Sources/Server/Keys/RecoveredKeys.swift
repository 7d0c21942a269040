internal import Dedup
internal import Logging
internal import Metering
internal import Wire

/// The runs that a start goes on with.
struct RecoveredKeys {
  /// What a ledger is made with.
  struct Choice {
    let store: any RunStore
    /// The runs to use, the oldest one first.
    var runs: [SealedRun] = []
    /// The least number that no run has.
    var nextRun: UInt64 = 1
  }

  private let store: RunFiles
  private let files: PartitionFiles
  private let owner: RunOwner
  private let window: Int64
  private let upkeep: UpkeepQueue
  private let logger: Logger

  /// The runs of a partition.
  ///
  /// - Parameters:
  ///   - owner: whose keys they must hold.
  ///   - window: the dedup window in milliseconds.
  ///   - upkeep: may have pieces of a recovery that failed, which are waited for.
  init(
    _ files: PartitionFiles, owner: RunOwner, window: Int64, upkeep: UpkeepQueue, logger: Logger
  ) {
    self.files = files
    self.owner = owner
    store = RunFiles(files)
    self.window = window
    self.upkeep = upkeep
    self.logger = logger
  }

  /// Recovers a ledger with the runs that fit its log. If they turn out not to they are set aside,
  /// and it is tried again.
  func recover(_ body: (Choice) throws -> Ledger) throws -> Ledger {
    while true {
      let found = try open()
      let log = try LogExtent(files)
      let (time, overflow) = log.lastArrival.subtractingReportingOverflow(window)
      let expired = overflow ? .min : time
      let chain = RunChain(found.map(\.header), log: log.positions, expired: expired)
      var choice = Choice(store: store)
      choice.runs = chain.used.compactMap { number in
        found.first { $0.header.number == number }
      }
      choice.nextRun = (found.map(\.header.number).max() ?? 0) + 1
      do {
        let ledger = try body(choice)
        let unused = found.map(\.header).filter { !chain.used.contains($0.number) }
        try clear(unused, choice.runs.first?.header, log: log.positions, expired: expired)
        tellLoss(ledger)
        return ledger
      } catch let error as RecoveryError {
        guard case .runsNotOnChain = error, !choice.runs.isEmpty else { throw error }
        // They may write runs too, of an index that is of no use.
        upkeep.wait()
        _ = upkeep.takeDone()
        for run in chain.used { tellSetAside(try store.setAside(run), "\(error)") }
      }
    }
  }

  /// Opens the runs that are not damaged, and ours.
  private func open() throws -> [SealedRun] {
    let found = try store.open()
    for (path, error) in found.damaged { tellSetAside(path, "\(error)") }
    for run in found.runs where run.header.owner != owner {
      tellSetAside(
        try store.setAside(run.header.number),
        "it was written for another installation, secret or partition")
    }
    return found.runs.filter { $0.header.owner == owner }
  }

  private func tellSetAside(_ path: String, _ reason: String) {
    logger.error(
      "a run of the key index is set aside and rebuilt from the log, as far as that reaches back",
      metadata: ["file": "\(path)", "reason": "\(reason)"])
  }

  /// Removes the runs that are not used and not missed: what a crash left beside its successor,
  /// what has expired, and what was written again from the log. Others are set aside.
  private func clear(
    _ unused: [RunHeader], _ oldest: RunHeader?, log: ClosedRange<UInt64>, expired: Int64
  ) throws {
    let first = oldest?.span.from.position ?? log.lowerBound
    for run in unused {
      if run.span.lastArrival < expired || run.span.from.position >= first,
        run.span.end <= log.upperBound
      {
        store.remove(run.number)
      } else {
        let reason =
          "it has positions \(run.span.from.position) to \(run.span.end), the other runs and the "
          + "log do not join it"
        tellSetAside(try store.setAside(run.number), reason)
      }
    }
  }

  /// Says which keys are missing, whatever the reason: files that are gone, or a window that was
  /// made longer.
  private func tellLoss(_ ledger: borrowing Ledger) {
    guard let horizon = ledger.horizon, let known = ledger.knownFrom,
      horizon.milliseconds > ledger.time.milliseconds - window
    else { return }
    logger.critical(
      """
      the key index does not reach back as far as dedup.window: neither runs nor the log have the \
      keys of earlier arrivals, and new usage with an earlier event time is refused
      """,
      metadata: ["keys of arrivals from": "\(horizon.text)", "usage from": "\(known.text)"])
  }
}
