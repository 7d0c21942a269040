import CDatagrams
import CanonicalLoad
import EventLoop

/// Sends a load and takes the acks, on one thread: what comes in is read, what may go out is sent,
/// and when neither can be done it waits.
///
/// Closed loop: each ack lets the next batch out, and latency counts from the sending. On a
/// schedule: batches are due at fixed times, and latency counts from when a batch was due, so that
/// a service that stands still is not left out of the figures. There the thread looks at the
/// schedule every 40 µs and sleeps in between until acks come: an agent does not spin either, and
/// the service's other threads share its core. The sleep is in the figures.
@safe
final class LoadSender {
  /// A batch on its way.
  struct Flight {
    var sequence: UInt64 = 0
    var source: Int32 = 0
    var isWaiting = false
    /// Whether it was refused and is to be sent again.
    var isRefused = false
    /// When it was due, in nanoseconds.
    var due: Int64 = 0
    /// When it is sent again.
    var deadline: Int64 = 0
  }

  struct Source {
    var nextSequence: UInt64 = 1
    var waiting = 0
  }

  static let resendAfter: Int64 = 500_000_000
  static let scanEvery: Int64 = 50_000_000
  /// How long the thread looks again and again before it sleeps: to be woken costs the receiver
  /// more than our own core's time is worth.
  private static let restless: Int64 = 200_000
  /// How often the schedule is looked at, in nanoseconds.
  private static let tick: Int64 = 40_000

  let plan: LoadPlan
  let pool: FramePool
  let carriers: [Carrier]
  let flights: UnsafeMutableBufferPointer<Flight>
  let sources: UnsafeMutableBufferPointer<Source>
  var result = LoadResult()
  var freeCount: Int
  private let readers: [AnswerReader]
  private let watch: Int32
  /// Carriers that epoll knows to be blocked.
  private var blocked: Set<Int> = []
  private var ready: [UInt32]
  /// The frame of each sequence of a source on its way, by its lowest bits; -1 for none.
  private let waiting: UnsafeMutableBufferPointer<Int32>
  /// Sequences of one source that may lie between the oldest and the newest batch on its way.
  private let spread: Int
  /// Frames that may be used again, the one that rested longest first.
  private let free: UnsafeMutableBufferPointer<Int32>
  private var firstFree = 0
  private var started: Int64 = 0
  private var lastAnswer: Int64 = 0
  private var lastMove: Int64 = 0
  private var lastScan: Int64 = 0
  private var isOver = false
  private var turn = 0

  init(_ plan: LoadPlan, pool: FramePool) throws(CarrierFailure) {
    self.plan = plan
    self.pool = pool
    var carriers: [Carrier] = []
    var readers: [AnswerReader] = []
    watch = lg_watch_create()
    for number in 0..<plan.sources {
      // Datagrams hold whole answers: one reader will do for all of them.
      if plan.transport == .tcp || readers.isEmpty {
        readers.append(
          AnswerReader(sources: plan.sources, secret: plan.secret, checkEvery: plan.checkEvery))
      }
      let carrier = try Carrier(
        to: (plan.host, plan.port), plan.transport, pool: pool, reader: readers[readers.count - 1])
      let added = lg_watch(watch, carrier.socket, UInt32(number), 0)
      guard added == 0 else { throw CarrierFailure("epoll_ctl", Int64(added)) }
      carriers.append(carrier)
    }
    self.carriers = carriers
    self.readers = readers
    ready = Array(repeating: 0, count: Int(LG_INCOMING))
    spread = 1 << (Int.bitWidth - (4 * plan.window).leadingZeroBitCount)
    unsafe flights = .allocate(capacity: pool.count)
    unsafe flights.initialize(repeating: Flight())
    unsafe sources = .allocate(capacity: plan.sources)
    unsafe sources.initialize(repeating: Source())
    unsafe waiting = .allocate(capacity: spread * plan.sources)
    unsafe waiting.initialize(repeating: -1)
    unsafe free = .allocate(capacity: pool.count)
    for frame in 0..<pool.count { unsafe free[frame] = Int32(frame) }
    freeCount = pool.count
    result.group = carriers[0].group
  }

  deinit {
    unsafe flights.deallocate()
    unsafe sources.deallocate()
    unsafe waiting.deallocate()
    unsafe free.deallocate()
  }

  /// Sends until the time or the number of records is reached and every batch is acked.
  func run() -> LoadResult {
    lg_exact_timeouts()
    if let core = plan.core { _ = lg_pin(0, Int32(core)) }
    started = EventLoop.monotonicNanoseconds()
    lastAnswer = started
    let processor = lg_thread_time()
    do throws(CarrierFailure) {
      while try step() {}
    } catch {
      result.failure = "\(error)"
    }
    result.senderSeconds = Double(lg_thread_time() - processor) / 1e9
    result.checkedTags = readers.reduce(0) { $0 + $1.checked }
    result.wrongAnswers = readers.reduce(0) { $0 + $1.wrong }
    return result
  }

  /// - Returns: whether there is more to do.
  private func step() throws(CarrierFailure) -> Bool {
    var hasMoved = try receive()
    let now = EventLoop.monotonicNanoseconds()
    isOver =
      isOver || now - started >= Int64(min(plan.seconds, 1e6) * 1e9)
      || result.sentRecords >= plan.records
    if !isOver, try send(now) { hasMoved = true }
    if now - lastScan > Self.scanEvery { try resend(now) }
    if isOver, freeCount == pool.count {
      result.seconds = Double(lastAnswer - started) / 1e9
      return false
    }
    if Double(now - lastAnswer) / 1e9 > plan.patience {
      result.failure = "no answer for \(Int(plan.patience)) seconds"
      return false
    }
    if plan.rate != nil {
      try wait(Self.tick - (EventLoop.monotonicNanoseconds() - started) % Self.tick)
    } else if hasMoved {
      lastMove = now
    } else if now - lastMove < Self.restless {
      lg_yield()
    } else {
      try wait(Self.scanEvery)
    }
    return true
  }

  // MARK: Out

  /// How many batches are due.
  private func dueBatches(_ now: Int64) -> Int64 {
    guard let rate = plan.rate else { return .max }
    return Int64(Double(now - started) / interval(rate)) + 1 - result.sentBatches
  }

  /// Nanoseconds between two batches.
  private func interval(_ rate: Double) -> Double { pool.recordsPerFrame / rate * 1e9 }

  private func send(_ now: Int64) throws(CarrierFailure) -> Bool {
    var due = dueBatches(now)
    guard due > 0 else { return false }
    let time = plan.baseTime ?? EventLoop.wallMilliseconds() - CanonicalMix.span
    var hasSent = false
    // In a closed loop frames go out by the buffer, as long as the receiver has others to go on
    // with.
    let least = plan.rate == nil ? min(max(carriers[0].group, 8), plan.window / 4) : 1
    for _ in carriers.indices {
      turn = turn + 1 < carriers.count ? turn + 1 : 0
      let carrier = carriers[turn]
      let room = plan.window - (unsafe sources[turn].waiting)
      guard room >= least || carrier.isBlocked else { continue }
      var isFilled = false
      while due > 0, freeCount > 0, unsafe sources[turn].waiting < plan.window, carrier.hasRoom {
        guard issue(from: turn, carrier, now, time) else { break }
        due -= 1
        isFilled = true
      }
      if isFilled || carrier.isBlocked {
        try flush(turn)
        hasSent = hasSent || isFilled
      }
    }
    return hasSent
  }

  private func flush(_ number: Int) throws(CarrierFailure) {
    try carriers[number].flush()
    let isBlocked = carriers[number].isBlocked
    if isBlocked != blocked.contains(number) {
      _ = lg_watch(watch, carriers[number].socket, UInt32(number), isBlocked ? 1 : 0)
      if isBlocked { blocked.insert(number) } else { blocked.remove(number) }
    }
  }

  /// Makes the next batch of a source.
  ///
  /// - Returns: whether its sequence is near enough to those on their way.
  private func issue(from number: Int, _ carrier: Carrier, _ now: Int64, _ time: Int64) -> Bool {
    let sequence = unsafe sources[number].nextSequence
    let place = number * spread + Int(truncatingIfNeeded: sequence) & (spread - 1)
    guard unsafe waiting[place] < 0 else { return false }
    let frame = unsafe free[firstFree]
    firstFree = firstFree + 1 == pool.count ? 0 : firstFree + 1
    freeCount -= 1
    unsafe waiting[place] = frame
    unsafe sources[number].nextSequence = sequence + 1
    unsafe sources[number].waiting += 1
    pool.patch(Int(frame), source: number, sequence: sequence, time: time)
    let due = plan.rate.map {
      started + Int64(Double(result.sentBatches) * interval($0))
    }
    unsafe flights[Int(frame)] = Flight(
      sequence: sequence, source: Int32(number), isWaiting: true, due: due ?? now,
      deadline: now + Self.resendAfter)
    result.sentBatches += 1
    result.sentRecords += pool.records(Int(frame))
    carrier.add(Int(frame))
    return true
  }

  /// Sends again what was not acked in time.
  private func resend(_ now: Int64) throws(CarrierFailure) {
    lastScan = now
    for frame in 0..<pool.count {
      var flight = unsafe flights[frame]
      guard flight.isWaiting, flight.deadline < now else { continue }
      flight.deadline = now + Self.resendAfter
      let number = Int(flight.source)
      // Bytes on a connection are not lost: there a batch is sent again only if it was refused.
      if plan.transport == .udp || flight.isRefused {
        if !flight.isRefused { result.resentBatches += 1 }
        flight.isRefused = false
        if !carriers[number].hasRoom { try flush(number) }
        if carriers[number].hasRoom { carriers[number].add(frame) }
      }
      unsafe flights[frame] = flight
    }
    for number in carriers.indices { try flush(number) }
  }

  // MARK: In

  private func receive() throws(CarrierFailure) -> Bool {
    guard carriers.count > 1 else { return try receive(from: carriers[0]) }
    let count = unsafe lg_wait(watch, &ready, Int32(ready.count), 0)
    guard count >= 0 else { throw CarrierFailure("epoll_pwait2", Int64(count)) }
    var hasMoved = false
    for index in 0..<Int(count) where try receive(from: carriers[Int(ready[index])]) {
      hasMoved = true
    }
    return hasMoved
  }

  private func receive(from carrier: Carrier) throws(CarrierFailure) -> Bool {
    let now = EventLoop.monotonicNanoseconds()
    let hasAnswers = try carrier.receive { take($0, now) }
    if hasAnswers {
      result.progress.note(now, records: result.verdicts.accepted + result.verdicts.late)
    }
    return hasAnswers
  }

  private func take(_ answer: Answer, _ now: Int64) {
    let place = answer.source * spread + Int(truncatingIfNeeded: answer.sequence) & (spread - 1)
    let frame = unsafe Int(waiting[place])
    guard frame >= 0, unsafe flights[frame].sequence == answer.sequence else { return }
    lastAnswer = now
    if answer.kind == .refusal {
      result.refusals[answer.reason, default: 0] += 1
      unsafe flights[frame].isRefused = true
      unsafe flights[frame].deadline = now + max(10, answer.retryAfterMilliseconds) * 1_000_000
      return
    }
    unsafe result.latency.record(now - flights[frame].due)
    result.ackedBatches += 1
    result.ackedRecords += pool.records(frame)
    if answer.isResent { result.repeatedReceipts += 1 }
    result.verdicts += answer.counts
    unsafe flights[frame].isWaiting = false
    unsafe waiting[place] = -1
    unsafe sources[answer.source].waiting -= 1
    unsafe free[(firstFree + freeCount) % pool.count] = Int32(frame)
    freeCount += 1
  }

  /// Sleeps until an answer comes, at most so many nanoseconds.
  private func wait(_ limit: Int64) throws(CarrierFailure) {
    let count = unsafe lg_wait(watch, &ready, Int32(ready.count), limit)
    guard count >= 0 else { throw CarrierFailure("epoll_pwait2", Int64(count)) }
  }
}
