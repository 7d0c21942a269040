internal import Database
internal import Dedup
internal import EventLoop
internal import Glibc
internal import Logging
internal import Metering
internal import SegmentLog
internal import Wire

/// One ledger and what serves it: its log's files and writer, its flusher, and the upkeep of its
/// key index.
///
/// The thread of its loop owns it; the writer and the flusher have threads of their own and signal
/// the loop when they are done.
final class Partition {
  /// Where it lives.
  let home: ServiceLoop
  let number: UInt16
  let files: PartitionFiles
  private(set) var logger: Logger
  var ledger: Ledger
  let writer: SegmentWriter
  let flusher: Flusher
  let configuration: ServerConfiguration
  private let quarantine: QuarantineFile
  private let upkeep: UpkeepQueue
  private let wakeup: WakeupSlot

  /// Told how far the log is synced, in each iteration and after each sync.
  var onSynced: (LogPosition) -> Void = { _ in }
  /// Whether more usage waits than is judged.
  var holdsMore: () -> Bool = { false }
  /// Told that flushes can never be committed.
  var onImpossible: (DatabaseError) -> Void = { _ in }

  private var timers: [LoopTimer] = []
  private var gathering = BlockGathering()
  private var commitTimer: LoopTimer?
  private var isCommitDue = false
  private var isHoldLogged = false
  private var roomWarning: RoomWarning?
  private(set) var upkeepTrouble = UpkeepTrouble()
  /// Whether less disk is free than the reserve.
  var isBelowReserve = false { didSet { updateRefusal() } }
  /// Whether the service stops.
  var isDraining = false { didSet { updateRefusal() } }
  /// Groups of receptions on other loops that wait for a sync, in the order of the log.
  var judged: [JudgedGroup] = []
  /// What waits for a sync.
  var afterSync: [(end: LogPosition, action: () -> Void)] = []
  /// What waits for the flush that is under way.
  var afterFlush: [() -> Void] = []

  /// A partition that goes on where its log ends.
  ///
  /// - Throws: `SystemCallError` if its files cannot be opened.
  init(
    _ start: PartitionStart, on home: ServiceLoop, configuration: ServerConfiguration,
    database: DatabaseAccess, quarantine: QuarantineFile, logger: Logger
  ) throws {
    self.home = home
    self.configuration = configuration
    self.quarantine = quarantine
    self.logger = logger
    number = start.number
    files = start.files
    ledger = start.takeLedger()
    // A single one has nothing to be told apart from.
    if configuration.ingest.partitions > 1 { self.logger[metadataKey: "partition"] = "\(number)" }
    let wakeup = start.wakeup
    self.wakeup = wakeup
    upkeep = start.upkeep
    writer = try SegmentWriter(
      files: files, continuing: ledger.end, segment: start.last,
      segmentSize: configuration.log.segmentSize, onSync: { wakeup.signal() })
    flusher = Flusher(database, onOutcome: { wakeup.signal() })
    onSynced = { [unowned self] synced in releaseGroups(through: synced) }
    holdsMore = { home.hasWork }
  }

  /// Begins to take usage, and starts the timers.
  ///
  /// - Throws: `CalendarChange` or `EventLoopError`.
  func open() throws {
    try ledger.start(
      wall: Timestamp(milliseconds: EventLoop.wallMilliseconds()),
      monotonic: EventLoop.monotonicMilliseconds())
    noteHold()
    submit()
    wakeup.set(try home.loop.makeWakeup { [unowned self] in advance() })
    let interval = configuration.flush.interval.milliseconds
    timers = [
      home.loop.makeTimer(after: 0, every: 1_000) { [unowned self] in tick() },
      home.loop.makeTimer(after: interval, every: interval) { [unowned self] in beginFlush() },
    ]
    home.loop.onIterationEnd { [unowned self] in endIteration() }
    // A flush that was begun before a crash goes on.
    wakeup.signal()
  }

  /// Ends the timers; the writer and the flusher go on until ``stop(before:)``.
  func close() {
    for timer in timers { timer.close() }
    commitTimer?.close()
  }

  /// Writes what was submitted, and ends the threads; its loop has ended.
  ///
  /// - Parameter end: until when a flush that is under way is waited for, on the monotonic clock in
  ///   milliseconds.
  func stop(before end: Int64) {
    writer.stop()
    flusher.stop(patience: Double(max(0, end - EventLoop.monotonicMilliseconds())) / 1_000)
  }

  /// Judges a group of frames; what became of them is in the ledger.
  func judge(_ columns: borrowing UsageColumns, wall: Int64, monotonic: Int64) {
    do {
      try ledger.judge(columns, wall: Timestamp(milliseconds: wall), monotonic: monotonic)
    } catch {
      stop(damaged: error)
    }
    if !ledger.quarantined.isEmpty {
      quarantine.append(ledger.quarantined.map { QuarantineEntry($0) })
    }
  }

  /// Ends the process: no answer would be true. The next start rebuilds the run from the log.
  func stop(damaged error: RunError) -> Never {
    logger.critical("FATAL: a run of the key index is damaged", metadata: ["reason": "\(error)"])
    _ = try? RunFiles(files).setAside(error.run)
    _exit(CommandExit.refused.rawValue)
  }

  /// Tells that a run could not be written or merged; it is tried again.
  private func report(_ failure: any Error) {
    if let damage = failure as? RunError { stop(damaged: damage) }
    guard upkeepTrouble.note(failure, at: EventLoop.monotonicMilliseconds()) else { return }
    logger.error(
      "upkeep of the key index failed and is tried again", metadata: ["reason": "\(failure)"])
  }

  // MARK: The loop

  /// Tells what is synced and seals what can be sealed, once in each iteration.
  private func endIteration() {
    onSynced(writer.synced.position)
    commit()
    while let upkeep = ledger.takeUpkeep() { self.upkeep.perform(upkeep) }
    if let failure = ledger.takeUpkeepFailure() { report(failure) }
  }

  /// Whether the open block waits for usage that is there already.
  private func isGathering() -> Bool {
    gathering.goesOn(
      entries: ledger.openEntries, now: EventLoop.monotonicNanoseconds(), holdsMore: holdsMore)
  }

  /// Hands the open block to the writer if it is idle, at once or after the commit delay.
  private func commit() {
    if !writer.isBusy, ledger.openEntries > 0, !isGathering() {
      let delay = configuration.log.commitDelay.milliseconds
      if delay == 0 || isCommitDue || isDraining {
        isCommitDue = false
        ledger.sealBlock()
      } else if commitTimer == nil {
        commitTimer = home.loop.makeTimer(after: delay) { [unowned self] in
          commitTimer?.close()
          commitTimer = nil
          isCommitDue = true
        }
      }
    }
    submit()
  }

  func submit() {
    let actions = ledger.takeActions()
    if !actions.isEmpty { writer.submit(actions) }
    updateRefusal()
  }

  /// What the writer, the flusher or the upkeep has done.
  private func advance() {
    let (synced, sizes) = writer.takeSynced()
    ledger.synced(through: synced, segmentSizes: sizes)
    onSynced(synced.position)
    runSynced(through: synced.position)
    for piece in upkeep.takeDone() { ledger.finish(piece) }
    advanceFlush()
  }

  private func tick() {
    let closed = ledger.closedThrough
    ledger.tick(
      wall: Timestamp(milliseconds: EventLoop.wallMilliseconds()),
      monotonic: EventLoop.monotonicMilliseconds())
    noteHold()
    noteRoom()
    submit()
    if ledger.closedThrough != closed { beginFlush() }
  }

  /// Logs that the clock is held, and that it is not any more. Usage may find a hold before the
  /// tick does.
  func noteHold() {
    let hold = ledger.clockHold
    guard (hold != nil) != isHoldLogged else { return }
    isHoldLogged = hold != nil
    if let hold {
      logger.error(
        "the clock cannot be believed; usage is refused until weighbridge clock confirm",
        metadata: ["expected": "\(hold.expected.text)", "found": "\(hold.found.text)"])
    } else {
      logger.notice(
        "the clock is believed; usage is taken", metadata: ["time": "\(ledger.time.text)"])
    }
  }

  /// Logs that the key index will be full before long, again when less time is left, and that it
  /// will not be any more.
  private func noteRoom() {
    let warning = RoomWarning(ledger.dedupForecast)
    if let warning, warning.urgency > roomWarning?.urgency ?? 0 {
      roomWarning = warning
      logger.warning("\(warning.text)", metadata: ["keys": "\(ledger.dedupStatistics.keys)"])
    } else if warning == nil, roomWarning != nil {
      roomWarning = nil
      logger.notice("the key index has room again for more than a day")
    }
  }

  /// Bytes that may wait for the writers of all partitions before usage is refused.
  private static let writerBacklog = 64 << 20

  private func updateRefusal() {
    if isDraining {
      ledger.refusal = .draining
    } else if isBelowReserve {
      ledger.refusal = .diskReserve
    } else {
      let limit = Self.writerBacklog / configuration.ingest.partitions
      ledger.refusal = writer.queuedBytes > limit ? .queueFull : nil
    }
  }
}
