internal import Authentication
internal import Database
internal import Dedup
internal import EventLoop
internal import Glibc
internal import Logging
internal import Metering
internal import SegmentLog
internal import Wire

/// The running service: receptions, partitions, and what there is one of: control, signals, disk.
///
/// Its own thread owns what it holds itself. Receptions and partitions may live there too or on
/// loops of their own; it reaches them by ``ServiceLoop/perform(from:_:)``.
public final class Service {
  let configuration: ServerConfiguration
  let directory: DataDirectory
  let started = Timestamp(milliseconds: EventLoop.wallMilliseconds())
  let logger: Logger
  let home: ServiceLoop
  let partitions: [Partition]
  let tenants: TenantPartitions
  let receptions: [Reception]
  let quarantine: QuarantineFile
  let database: DatabaseAccess

  private var control: ControlServer?
  private(set) var jobs: JobRunner?
  private var watchers: [SignalWatcher] = []
  private var timers: [LoopTimer] = []
  var diskFree: UInt64 = 0
  private var isBelowReserve = false
  /// When the service began to stop, on the monotonic clock.
  private var drainStarted: Int64?
  var isStopping: Bool { drainStarted != nil }
  private var isFlushed = false
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
    if directory.isSigningKeyNew {
      logger.notice(
        "made the key that certificates are signed with",
        metadata: [
          "file": .string(directory.layout.signingKeyFile),
          "public_key": .string("\(directory.certificateKey)"),
        ])
    }
    _ = try directory.prepareRuntimeDirectory()
    quarantine = QuarantineFile(
      directory: directory.layout.quarantine,
      maximumBytes: configuration.quarantine.maximumBytes)
    database = try DatabaseAccess(configuration, directory: directory, logger: logger)
    let keys = try Self.keys(configuration)
    do {
      let home = try ServiceLoop()
      self.home = home
      try StopSignals.check()
      let starts = try PartitionStart.all(
        configuration, directory: directory,
        checkpoints: try database.checkpoints(of: directory.installation), logger: logger)
      let isSingle = configuration.ingest.isSingle
      partitions = try starts.map { [database, quarantine, logger] start in
        try Partition(
          start, on: isSingle ? home : ServiceLoop(), configuration: configuration,
          database: database, quarantine: quarantine, logger: logger)
      }
      let tenants = TenantPartitions(partitions.count, secret: directory.installation.secret)
      self.tenants = tenants
      receptions = try (0..<configuration.ingest.loops).map {
        [partitions, directory, quarantine, logger] number in
        Reception(
          for: partitions, tenants: tenants, installation: directory.installation.id,
          on: number == 0 ? home : try ServiceLoop(), configuration: configuration, keys: keys,
          quarantine: quarantine, logger: logger)
      }
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

  /// Begins to take usage and orders.
  private func open() throws {
    if !HugePages.areGranted {
      logger.warning(
        "the kernel gives no huge pages, and the key index is slower without them",
        metadata: ["setting": "\(HugePages.setting)", "allowed": "madvise or always"])
    }
    checkDisk()
    for partition in partitions {
      let home = partition.home
      partition.onImpossible = { [unowned self] error in
        self.home.perform(from: home) { [unowned self] in fail(error) }
      }
      try partition.open()
    }
    for reception in receptions {
      try reception.openSockets(sharing: reception.home === home ? nil : receptions[0])
    }
    control = try ControlServer(
      on: home.loop, path: directory.layout.controlSocket(of: directory.installation)
    ) { [unowned self] exchange in handle(exchange) }
    watchers = try home.loop.onSignal(StopSignals.numbers) { [unowned self] _ in drain() }
    let jobs = JobRunner(
      database, of: directory.installation.id, configuration: configuration,
      handlers: jobHandlers, logger: logger)
    self.jobs = jobs
    timers = [
      home.loop.makeTimer(after: 0, every: 1_000) { [unowned self] in everySecond() },
      home.loop.makeTimer(after: 0, every: 1_000) { [unowned self] in lookForJobs(jobs) },
    ]
    for partition in partitions where partition.home !== home {
      partition.home.start(named: "partition-\(partition.number)")
    }
    for (number, reception) in receptions.enumerated() where reception.home !== home {
      reception.home.start(named: "receiver-\(number)")
    }
    whenReported { [logger, directory, configuration] status in
      let room = status.log.diskFree + UInt64(status.dedup.diskBytes)
      if room < UInt64(configuration.dedup.maximumDisk) {
        logger.warning(
          "the disk has less room than the key index may take",
          metadata: [
            "dedup.maximumDisk": "\(ByteSize.text(configuration.dedup.maximumDisk))",
            "room": "\(room >> 20)MiB",
          ])
      }
      let capacity = KeyCapacity(configuration)
      logger.info(
        "capacity of the dedup window",
        metadata: [
          "keys": "\(capacity.keys)", "bound_by": "\(capacity.boundBy)",
          "records_per_second": "\(capacity.text)",
        ])
      logger.info(
        "ready",
        metadata: [
          "udp": "\(status.ingest.udp.joined(separator: ","))",
          "tcp": "\(status.ingest.tcp.joined(separator: ","))",
          "data": "\(directory.layout.path)", "position": "\(status.log.position)",
          "keys": "\(status.dedup.keys)",
        ])
    }
  }

  /// Runs until the service is told to stop.
  ///
  /// - Returns: how the command ends; why, if it had to stop for another reason, is in the log.
  public func run() -> CommandExit {
    home.loop.run()
    for other in otherLoops { other.join() }
    let end = EventLoop.monotonicMilliseconds() + (isFlushed ? 60_000 : 1_000)
    jobs?.stop(patience: isFlushed ? 5 : 1)
    for partition in partitions { partition.stop(before: end) }
    database.stop(within: isFlushed ? 120 : 10)
    home.loop.close()
    return exit
  }

  /// The loops that have threads of their own.
  private var otherLoops: [ServiceLoop] {
    (receptions.map(\.home) + partitions.map(\.home)).filter { $0 !== home }
  }

  // MARK: Asking

  /// Asks every partition.
  ///
  /// - Parameters:
  ///   - question: runs where the partition lives, and answers once, now or later.
  ///   - action: gets the answers, in the order of the partitions.
  func askPartitions<Answer>(
    _ question: @escaping (Partition, @escaping (Answer) -> Void) -> Void,
    then action: @escaping ([Answer]) -> Void
  ) {
    let gathering = AnswerGathering(partitions.count, then: action)
    for (index, partition) in partitions.enumerated() {
      partition.home.perform(from: home) { [home] in
        question(partition) { answer in
          home.perform(from: partition.home) { gathering.put(answer, at: index) }
        }
      }
    }
  }

  /// Asks every reception, as ``askPartitions(_:then:)`` asks partitions.
  func askReceptions<Answer>(
    _ question: @escaping (Reception, @escaping (Answer) -> Void) -> Void,
    then action: @escaping ([Answer]) -> Void
  ) {
    let gathering = AnswerGathering(receptions.count, then: action)
    for (index, reception) in receptions.enumerated() {
      reception.home.perform(from: home) { [home] in
        question(reception) { answer in
          home.perform(from: reception.home) { gathering.put(answer, at: index) }
        }
      }
    }
  }

  /// Runs an action once everything that is in the ledgers now is in Postgres.
  func whenFlushed(_ action: @escaping () -> Void) {
    askPartitions({ partition, answer in partition.whenFlushed { answer(()) } }) { _ in action() }
  }

  // MARK: Every second

  private func everySecond() {
    checkDisk()
    checkDrain()
  }

  private func checkDisk() {
    guard let free = try? directory.freeBytes() else { return }
    diskFree = free
    let isBelow = free < UInt64(configuration.log.diskReserve)
    guard isBelow != isBelowReserve else { return }
    isBelowReserve = isBelow
    logger.log(
      level: isBelow ? .error : .notice,
      isBelow ? "less disk is free than the reserve; usage is refused" : "disk is free again",
      metadata: ["free": "\(free)", "log.diskReserve": "\(configuration.log.diskReserve)"])
    for partition in partitions {
      partition.home.perform(from: home) { partition.isBelowReserve = isBelow }
    }
  }

  // MARK: The end

  /// Stops receiving, and ends the loop once everything is synced, answered and flushed. The second
  /// time it leaves at once; the next start recovers.
  private func drain() {
    guard drainStarted == nil else {
      logger.notice("stopped at once; the next start recovers")
      database.beginStop()
      // The writers and the flushers go on until the end: no exit handler runs beside them.
      _exit(CommandExit.refused.rawValue)
    }
    logger.notice("stopping: no more usage is taken; what is in hand is synced and flushed")
    drainStarted = EventLoop.monotonicMilliseconds()
    jobs?.pause()
    askReceptions({ reception, answer in reception.drain { answer(()) } }) {
      [unowned self] _ in
      askPartitions({ partition, answer in partition.drain { answer(()) } }) {
        [unowned self] _ in
        isFlushed = true
        logger.notice("stopped")
        end()
      }
    }
  }

  /// Ends the loop all the same if stopping takes longer than it may.
  private func checkDrain() {
    guard let drainStarted, !isFlushed,
      EventLoop.monotonicMilliseconds() - drainStarted >= configuration.shutdown.limit.milliseconds
    else { return }
    askPartitions({ partition, answer in answer(partition.ledger.unflushedEntries) }) {
      [unowned self] entries in
      guard !isFlushed else { return }
      logger.warning(
        "the limit for stopping has passed; the rest is flushed to Postgres after the next start",
        metadata: ["unflushed entries": "\(entries.reduce(0, +))"])
      end()
    }
  }

  /// Stops because flushes can never be committed.
  private func fail(_ error: DatabaseError) {
    logger.critical("\(error)")
    exit = .refused
    end()
  }

  private func end() {
    for timer in timers { timer.close() }
    for reception in receptions {
      reception.home.perform(from: home) { reception.closeSockets() }
    }
    for partition in partitions { partition.home.perform(from: home) { partition.close() } }
    for other in otherLoops { other.perform(from: home) { other.loop.stop() } }
    control?.close()
    for watcher in watchers { watcher.close() }
    home.loop.stop()
  }
}
