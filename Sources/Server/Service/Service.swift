internal import Authentication
internal import Database
internal import Dedup
internal import EventLoop
internal import Glibc
internal import Logging
internal import Metering
internal import Postgres
internal import SegmentLog
internal import Wire

/// The running service: sockets, ledger, writer, flusher and timers, on one loop.
///
/// The loop's thread owns everything here; the writer and the flusher have threads of their own and
/// signal the loop when they are done.
public final class Service {
  let configuration: ServerConfiguration
  let directory: DataDirectory
  let started = Timestamp(milliseconds: EventLoop.wallMilliseconds())
  let logger: Logger
  let loop: EventLoop
  let path: IngestPath
  let writer: SegmentWriter
  let flusher: Flusher
  private let upkeep: UpkeepQueue
  let files: PartitionFiles
  let quarantine: QuarantineFile
  let database: DatabaseAccess

  var endpoints: [UDPEndpoint] = []
  var listeners: [StreamListener] = []
  /// Connections that this side ended before the peer did, by reason.
  var cutConnections: [String: UInt64] = [:]
  var control: ControlServer?
  var watchers: [SignalWatcher] = []
  private var wakeup: Wakeup?
  private var timers: [LoopTimer] = []
  private var gathering = BlockGathering()
  private var commitTimer: LoopTimer?
  private var isCommitDue = false
  var diskFree: UInt64 = 0
  var isBelowReserve = false
  private var isHoldLogged = false
  /// When the service began to stop, on the monotonic clock.
  private var drainStarted: Int64?
  /// Called with whether the flush that follows was committed.
  private var afterFlush: [() -> Void] = []
  private var exit = CommandExit.done

  /// Starts the service: opens the data directory, starts or reaches Postgres, recovers the log and
  /// binds the sockets.
  ///
  /// - Throws: ``StopSignals/Received`` if it is told to stop meanwhile.
  public init(_ configuration: ServerConfiguration) throws {
    self.configuration = configuration
    logger = Logger(label: "weighbridge")
    directory = try DataDirectory(
      path: configuration.dataDirectory, partitionCount: UInt16(configuration.ingest.partitions),
      now: started)
    _ = try directory.prepareRuntimeDirectory()
    files = PartitionFiles(directory.layout.partition(0))
    try files.prepare()
    quarantine = QuarantineFile(
      directory: "\(files.path)/\(SegmentNames.quarantine)",
      maximumBytes: configuration.quarantine.maximumBytes)
    database = try DatabaseAccess(configuration, directory: directory, logger: logger)
    loop = try EventLoop()
    do {
      try StopSignals.check()
      let wakeup = WakeupSlot()
      upkeep = UpkeepQueue(onDone: { wakeup.signal() })
      let start = try ServiceStart(
        configuration, directory: directory, files: files,
        checkpoint: try database.checkpoint(of: directory.installation), upkeep: upkeep,
        logger: logger)
      path = IngestPath(
        ledger: start.takeLedger(), keys: try Self.keys(configuration),
        limits: WireLimits(maximumFrameLength: configuration.ingest.maximumFrame))
      writer = try SegmentWriter(
        files: files, continuing: path.ledger.end, segment: start.last,
        segmentSize: configuration.log.segmentSize, onSync: { wakeup.signal() })
      flusher = Flusher(database, onOutcome: { wakeup.signal() })
      let made = try loop.makeWakeup { [unowned self] in advance() }
      wakeup.set(made)
      self.wakeup = made
      try open()
    } catch {
      database.stop(within: 120)
      throw error
    }
  }

  private static func keys(_ configuration: ServerConfiguration) throws -> KeyRing? {
    guard configuration.authentication.mode == .required else { return nil }
    return try KeyRing(
      configuration.authentication.keys.map {
        (id: $0.id.rawValue, secret: $0.secret, sources: $0.sources)
      })
  }

  /// Binds the sockets and starts the timers.
  private func open() throws {
    path.onQuarantine = { [unowned self] records in
      quarantine.append(records.map { QuarantineEntry($0) })
    }
    path.onMalformed = { [unowned self] frame, error in keepMalformed(frame, error) }
    checkDisk()
    path.ledger.start(
      wall: Timestamp(milliseconds: EventLoop.wallMilliseconds()),
      monotonic: EventLoop.monotonicMilliseconds())
    noteHold()
    submit()
    try openSockets()
    control = try ControlServer(
      on: loop, path: directory.layout.controlSocket(of: directory.installation)
    ) { [unowned self] exchange in handle(exchange) }
    watchers = try loop.onSignal(StopSignals.numbers) { [unowned self] _ in drain() }
    timers = [
      loop.makeTimer(after: 0, every: 1_000) { [unowned self] in everySecond() },
      loop.makeTimer(
        after: configuration.flush.interval.milliseconds,
        every: configuration.flush.interval.milliseconds
      ) { [unowned self] in beginFlush() },
    ]
    loop.onIterationEnd { [unowned self] in endIteration() }
    // A flush that was begun before a crash goes on.
    wakeup?.signal()
    logger.info(
      "ready",
      metadata: [
        "udp": "\(endpoints.map { "\($0.localAddress)" }.joined(separator: ","))",
        "tcp": "\(listeners.map { "\($0.localAddress)" }.joined(separator: ","))",
        "data": "\(directory.layout.path)",
        "position": "\(path.ledger.end.position.rawValue)",
        "keys": "\(path.ledger.dedupStatistics.keys)",
      ])
  }

  /// Runs until the service is told to stop.
  ///
  /// - Returns: how the command ends; why, if it had to stop for another reason, is in the log.
  public func run() -> CommandExit {
    loop.run()
    writer.stop()
    flusher.stop(patience: isFlushed ? 60 : 1)
    database.stop(within: isFlushed ? 120 : 10)
    loop.close()
    return exit
  }

  // MARK: The loop

  /// Sends what can be sent and seals what can be sealed, once in each iteration.
  private func endIteration() {
    path.release(through: writer.synced.position)
    for endpoint in endpoints { endpoint.flushQueued() }
    commit()
    while let upkeep = path.ledger.takeUpkeep() { self.upkeep.perform(upkeep) }
    if path.ledger.maintain() { wakeup?.signal() }
  }

  /// Whether the open block waits for usage that is there already.
  private func isGathering() -> Bool {
    gathering.goesOn(
      entries: path.ledger.openEntries, now: EventLoop.monotonicNanoseconds(),
      holdsMore: { endpoints.contains { $0.holdsDatagrams } })
  }

  /// Hands the open block to the writer if it is idle, at once or after the commit delay.
  private func commit() {
    if !writer.isBusy, path.ledger.openEntries > 0, !isGathering() {
      let delay = configuration.log.commitDelay.milliseconds
      if delay == 0 || isCommitDue || drainStarted != nil {
        isCommitDue = false
        path.ledger.sealBlock()
      } else if commitTimer == nil {
        commitTimer = loop.makeTimer(after: delay) { [unowned self] in
          commitTimer?.close()
          commitTimer = nil
          isCommitDue = true
        }
      }
    }
    submit()
  }

  private func submit() {
    let actions = path.ledger.takeActions()
    if !actions.isEmpty { writer.submit(actions) }
    updateRefusal()
  }

  /// What the writer or the flusher has done.
  private func advance() {
    let (synced, sizes) = writer.takeSynced()
    path.ledger.synced(through: synced, segmentSizes: sizes)
    path.release(through: synced.position)
    for endpoint in endpoints { endpoint.flushQueued() }
    for piece in upkeep.takeDone() { path.ledger.finish(piece) }
    if let batch = path.ledger.takeFlush() { flusher.flush(batch) }
    switch flusher.takeOutcome() {
    case .committed:
      path.ledger.flushCommitted()
      submit()
      removeOldSegments()
      let waiting = afterFlush
      afterFlush = []
      for action in waiting { action() }
    case .impossible(let error):
      logger.critical("\(error)")
      exit = .refused
      end()
    case nil: break
    }
    continueDrain()
  }

  /// Begins a flush, if there is anything to flush and none is under way.
  @discardableResult
  func beginFlush() -> Bool {
    var random = SystemRandomNumberGenerator()
    let token = UInt128(random.next()) << 64 | UInt128(random.next())
    guard path.ledger.beginFlush(token: token) else { return false }
    submit()
    return true
  }

  /// Runs an action once everything that is in the ledger now is in Postgres.
  func whenFlushed(_ action: @escaping () -> Void) {
    if path.ledger.attempt != nil {
      afterFlush.append { [unowned self] in whenFlushed(action) }
    } else if beginFlush() {
      afterFlush.append(action)
    } else {
      action()
    }
  }

  private func everySecond() {
    let closed = path.ledger.closedThrough
    path.ledger.tick(
      wall: Timestamp(milliseconds: EventLoop.wallMilliseconds()),
      monotonic: EventLoop.monotonicMilliseconds())
    noteHold()
    submit()
    if path.ledger.closedThrough != closed { beginFlush() }
    checkDisk()
    continueDrain()
  }

  /// Logs that the clock is held, and that it is not any more. Usage may find a hold before the
  /// tick does.
  private func noteHold() {
    let hold = path.ledger.clockHold
    guard (hold != nil) != isHoldLogged else { return }
    isHoldLogged = hold != nil
    if let hold {
      logger.error(
        "the clock cannot be believed; usage is refused until weighbridge clock confirm",
        metadata: ["expected": "\(hold.expected.text)", "found": "\(hold.found.text)"])
    } else {
      logger.notice(
        "the clock is believed; usage is taken", metadata: ["time": "\(path.ledger.time.text)"])
    }
  }

  private func checkDisk() {
    guard let free = try? directory.freeBytes() else { return }
    diskFree = free
    let isBelow = free < UInt64(configuration.log.diskReserve)
    if isBelow != isBelowReserve {
      isBelowReserve = isBelow
      logger.log(
        level: isBelow ? .error : .notice,
        isBelow ? "less disk is free than the reserve; usage is refused" : "disk is free again",
        metadata: ["free": "\(free)", "log.diskReserve": "\(configuration.log.diskReserve)"])
    }
    updateRefusal()
  }

  /// Bytes that may wait for the writer before usage is refused.
  private static let writerBacklog = 64 << 20

  private func updateRefusal() {
    if drainStarted != nil {
      path.ledger.refusal = .draining
    } else if isBelowReserve {
      path.ledger.refusal = .diskReserve
    } else {
      path.ledger.refusal = writer.queuedBytes > Self.writerBacklog ? .queueFull : nil
    }
  }

  /// Removes the segments that nothing needs any more. Each flush may free some; without usage the
  /// close of each hour is flushed.
  private func removeOldSegments() {
    let removable = path.ledger.removableSegments(
      retention: configuration.log.retention.milliseconds)
    guard !removable.isEmpty else { return }
    do {
      try Manifest(files).append(removable)
      for segment in removable {
        try files.removeSegment(segment.number)
        path.ledger.segmentsRemoved(1)
      }
      logger.info("segments removed", metadata: ["count": "\(removable.count)"])
    } catch {
      logger.error("segments not removed", metadata: ["error": "\(error)"])
    }
  }

  // MARK: The end

  /// Stops receiving, and ends the loop once everything is synced, answered and flushed. The second
  /// time it leaves at once; the next start recovers.
  private func drain() {
    guard drainStarted == nil else {
      logger.notice("stopped at once; the next start recovers")
      database.beginStop()
      // The writer and the flusher go on until the end: no exit handler runs beside them.
      _exit(CommandExit.refused.rawValue)
    }
    logger.notice("stopping: no more usage is taken; what is in hand is synced and flushed")
    drainStarted = EventLoop.monotonicMilliseconds()
    for endpoint in endpoints { endpoint.stopReceiving() }
    updateRefusal()
    path.judge()
    whenFlushed { [unowned self] in isFlushed = true }
    continueDrain()
  }

  private var isFlushed = false

  private func continueDrain() {
    guard let drainStarted else { return }
    let waited = EventLoop.monotonicMilliseconds() - drainStarted
    let isOver = waited >= configuration.shutdown.limit.milliseconds
    let isAnswered = path.waitingAnswers == 0 && !writer.isBusy
    guard (isFlushed && isAnswered) || isOver else { return }
    if isOver {
      logger.warning(
        "the limit for stopping has passed; the rest is flushed to Postgres after the next start",
        metadata: ["unflushed entries": "\(path.ledger.unflushedEntries)"])
    } else {
      logger.notice("stopped")
    }
    end()
  }

  private func end() {
    for timer in timers { timer.close() }
    commitTimer?.close()
    for endpoint in endpoints { endpoint.close() }
    for listener in listeners { listener.close() }
    control?.close()
    for watcher in watchers { watcher.close() }
    wakeup?.close()
    loop.stop()
  }

  private func keepMalformed(_ frame: RawSpan, _ error: WireError) {
    guard
      let header = try? FrameHeader(
        parsing: frame,
        limits: WireLimits(maximumFrameLength: configuration.ingest.maximumFrame))
    else { return }
    let name = header.sourceName(in: frame)
    let source = unsafe name.withUnsafeBytes { unsafe String(decoding: $0, as: UTF8.self) }
    let bytes = unsafe frame.withUnsafeBytes { unsafe [UInt8]($0) }
    quarantine.append([
      QuarantineEntry(
        frame: bytes, source: source, header: header,
        arrival: Timestamp(milliseconds: EventLoop.wallMilliseconds()), error: error)
    ])
  }
}
