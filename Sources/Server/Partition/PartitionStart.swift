internal import Dedup
internal import EventLoop
internal import Foundation
internal import Logging
internal import Metering
internal import SegmentLog
internal import Wire

/// The ledger that a start recovers from the log of its partition.
final class PartitionStart {
  let number: UInt16
  let files: PartitionFiles
  /// Signals the loop of the partition, once it has one.
  let wakeup = WakeupSlot()
  /// Does the upkeep of the key index, and may have some when the ledger is taken.
  let upkeep: UpkeepQueue
  private var ledger: Ledger?
  /// The segment to continue.
  let last: (number: UInt64, length: Int)?

  /// Recovers every partition, as many side by side as there are cores.
  ///
  /// - Parameter checkpoints: those in Postgres, by partition; nil if it could not be asked.
  /// - Throws: what is wrong with the first partition that cannot start;
  ///   ``StopSignals/Received`` if the service is told to stop meanwhile.
  static func all(
    _ configuration: ServerConfiguration, directory: DataDirectory,
    checkpoints: [UInt16: Checkpoint]?, logger: Logger
  ) throws -> [PartitionStart] {
    let count = configuration.ingest.partitions
    let results = StartResults(count)
    DispatchQueue.concurrentPerform(iterations: count) { index in
      let number = UInt16(index)
      var logger = logger
      if count > 1 { logger[metadataKey: "partition"] = "\(number)" }
      results.put(
        Result {
          try PartitionStart(
            number, configuration, directory: directory,
            checkpoint: checkpoints.map { $0[number] ?? .beginning }, logger: logger)
        }, at: index)
    }
    return try results.all()
  }

  /// - Throws: ``StopSignals/Received`` if the service is told to stop meanwhile.
  private init(
    _ number: UInt16, _ configuration: ServerConfiguration, directory: DataDirectory,
    checkpoint: Checkpoint?, logger: Logger
  ) throws {
    self.number = number
    files = PartitionFiles(directory.layout.partition(number))
    try files.prepare()
    upkeep = UpkeepQueue(onDone: { [wakeup] in wakeup.signal() })
    let began = EventLoop.monotonicMilliseconds()
    let installation = directory.installation
    let identity = LedgerIdentity(
      installation: installation.id, secret: installation.secret, partition: number,
      partitionCount: installation.partitionCount)
    var told = began
    var report = LogRecovery.Report()
    let (files, upkeep) = (files, upkeep)
    let keys = RecoveredKeys(
      files, owner: RunOwner(identity), window: configuration.dedup.window.milliseconds,
      upkeep: upkeep, logger: logger)
    let recovered = try keys.recover { choice in
      report = LogRecovery.Report()
      return try LogRecovery.recover(
        files,
        Ledger(
          identity: identity, configuration: configuration.ledger, store: choice.store,
          runs: choice.runs, nextRun: choice.nextRun),
        checkpoint: checkpoint, upkeep: upkeep, report: &report
      ) { done, total in
        try StopSignals.check()
        let now = EventLoop.monotonicMilliseconds()
        guard now - told >= 1_000 else { return }
        told = now
        logger.info("recovering", metadata: ["bytes": "\(done)", "of": "\(total)"])
      }
    }
    last = report.last
    if let cut = report.cut {
      logger.notice("a torn tail was cut off; a copy is kept", metadata: ["cut": "\(cut)"])
    }
    if report.segments > 0 {
      logger.info(
        "recovered",
        metadata: [
          "segments": "\(report.segments)", "replayed": "\(report.replayed)",
          "bytes": "\(report.bytes)",
          "position": "\(recovered.end.position.rawValue)",
          "keys": "\(recovered.dedupStatistics.keys)",
          "milliseconds": "\(EventLoop.monotonicMilliseconds() - began)",
        ])
    }
    ledger = consume recovered
  }

  /// The ledger; it is handed over once.
  func takeLedger() -> Ledger {
    guard let ledger = ledger.take() else { preconditionFailure("BUG: the ledger is taken twice") }
    return ledger
  }
}

/// What threads that start partitions side by side have come to.
private final class StartResults: Sendable {
  private let lock = NSLock()
  nonisolated(unsafe) private var results: [Result<PartitionStart, any Error>?]

  init(_ count: Int) { unsafe results = Array(repeating: nil, count: count) }

  func put(_ result: Result<PartitionStart, any Error>, at index: Int) {
    lock.withLock { unsafe results[index] = result }
  }

  /// All of them, once every thread is done.
  func all() throws -> [PartitionStart] {
    try lock.withLock { unsafe results }.compactMap { try $0?.get() }
  }
}
