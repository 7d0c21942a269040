import CDatagrams
import EventLoop

/// How a load is sent.
struct LoadPlan {
  var host: String
  var port: UInt16
  var transport: Transport
  var sources: Int
  /// Batches of one source that may wait for their acks.
  var window: Int
  var seconds: Double
  var records: Int64
  /// Records per second on a schedule; nil for as many as the window lets through.
  var rate: Double?
  /// Seconds without any answer after which the run has failed.
  var patience = 30.0
}

/// What a load came to.
struct LoadResult {
  /// From the first batch to the last ack.
  var seconds = 0.0
  var sentBatches: Int64 = 0
  var sentRecords: Int64 = 0
  var ackedBatches: Int64 = 0
  var ackedRecords: Int64 = 0
  /// Batches that were sent again because no ack came in time.
  var resentBatches: Int64 = 0
  /// Acks that repeat a receipt.
  var repeatedReceipts: Int64 = 0
  /// Refused batches by the raw value of the reason.
  var refusals: [UInt8: Int64] = [:]
  var verdicts = VerdictTotals()
  var latency = LatencyHistogram()
  /// Processor time of the sending thread.
  var senderSeconds = 0.0
  /// Why the run did not end well.
  var failure: String?
}

/// Sends a load and takes the acks, on one thread: what comes in is read, what may go out is sent,
/// and when neither can be done it waits.
///
/// Closed loop: each ack lets the next batch out, and latency counts from the sending. On a
/// schedule: batches are due at fixed times, and latency counts from when a batch was due, so that
/// a service that stands still is not left out of the figures.
final class LoadSender {
  /// A batch on its way.
  private struct Flight {
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

  private struct Source {
    var nextSequence: UInt64 = 1
    var waiting = 0
    /// The frame of each sequence on its way, by its lowest bits; -1 for none.
    var frames: [Int32]
  }

  private static let resendAfter: Int64 = 500_000_000
  private static let scanEvery: Int64 = 50_000_000
  /// Sequences of one source that may lie between the oldest and the newest batch on its way.
  private static let spread = 1 << 16

  private let plan: LoadPlan
  private let pool: FramePool
  private let carriers: [Carrier]
  private var flights: [Flight]
  private var sources: [Source]
  /// Frames that may be used again, the one that rested longest first.
  private var free: [Int32]
  private var firstFree = 0
  private var freeCount: Int
  private var result = LoadResult()
  private var started: Int64 = 0
  private var lastAnswer: Int64 = 0
  private var lastScan: Int64 = 0
  private var isOver = false
  private var turn = 0

  init(_ plan: LoadPlan, pool: FramePool) throws(CarrierFailure) {
    self.plan = plan
    self.pool = pool
    var carriers: [Carrier] = []
    for _ in 0..<plan.sources {
      carriers.append(
        try Carrier(
          to: (plan.host, plan.port), plan.transport, pool: pool, sources: plan.sources))
    }
    self.carriers = carriers
    flights = Array(repeating: Flight(), count: pool.count)
    sources = Array(
      repeating: Source(frames: Array(repeating: -1, count: Self.spread)), count: plan.sources)
    free = (0..<Int32(pool.count)).map { $0 }
    freeCount = pool.count
  }

  /// Sends until the time or the number of records is reached and every batch is acked.
  func run() -> LoadResult {
    started = EventLoop.monotonicNanoseconds()
    lastAnswer = started
    let processor = lg_thread_time()
    do throws(CarrierFailure) {
      while try step() {}
    } catch {
      result.failure = "\(error)"
    }
    result.senderSeconds = Double(lg_thread_time() - processor) / 1e9
    return result
  }

  /// - Returns: whether there is more to do.
  private func step() throws(CarrierFailure) -> Bool {
    var hasMoved = false
    for carrier in carriers {
      let now = EventLoop.monotonicNanoseconds()
      let hasAnswers = try carrier.receive { take($0, now) }
      hasMoved = hasMoved || hasAnswers
    }
    let now = EventLoop.monotonicNanoseconds()
    let elapsed = Double(now - started) / 1e9
    isOver = isOver || elapsed >= plan.seconds || result.sentRecords >= plan.records
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
    if !hasMoved { wait(now) }
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
    let time = EventLoop.wallMilliseconds() - CanonicalMix.span
    var hasSent = false
    for _ in sources.indices {
      turn = turn + 1 < sources.count ? turn + 1 : 0
      let carrier = carriers[turn]
      var isFilled = false
      while due > 0, freeCount > 0, sources[turn].waiting < plan.window, carrier.hasRoom {
        guard issue(from: turn, now, time) else { break }
        due -= 1
        isFilled = true
      }
      if isFilled || carrier.isBlocked {
        try carrier.flush()
        hasSent = hasSent || isFilled
      }
    }
    return hasSent
  }

  /// Makes the next batch of a source.
  ///
  /// - Returns: whether its sequence is near enough to those on their way.
  private func issue(from number: Int, _ now: Int64, _ time: Int64) -> Bool {
    let sequence = sources[number].nextSequence
    let place = Int(truncatingIfNeeded: sequence) & (Self.spread - 1)
    guard sources[number].frames[place] < 0 else { return false }
    let frame = free[firstFree]
    firstFree = firstFree + 1 == free.count ? 0 : firstFree + 1
    freeCount -= 1
    sources[number].frames[place] = frame
    sources[number].nextSequence = sequence + 1
    sources[number].waiting += 1
    pool.patch(Int(frame), source: number, sequence: sequence, time: time)
    let due = plan.rate.map {
      started + Int64(Double(result.sentBatches) * interval($0))
    }
    flights[Int(frame)] = Flight(
      sequence: sequence, source: Int32(number), isWaiting: true, due: due ?? now,
      deadline: now + Self.resendAfter)
    result.sentBatches += 1
    result.sentRecords += pool.records(Int(frame))
    carriers[number].add(Int(frame))
    return true
  }

  /// Sends again what was not acked in time.
  private func resend(_ now: Int64) throws(CarrierFailure) {
    lastScan = now
    for frame in flights.indices where flights[frame].isWaiting && flights[frame].deadline < now {
      flights[frame].deadline = now + Self.resendAfter
      let carrier = carriers[Int(flights[frame].source)]
      // Bytes on a connection are not lost: there a batch is sent again only if it was refused.
      guard plan.transport == .udp || flights[frame].isRefused else { continue }
      if !flights[frame].isRefused { result.resentBatches += 1 }
      flights[frame].isRefused = false
      if !carrier.hasRoom { try carrier.flush() }
      carrier.add(frame)
    }
    for carrier in carriers { try carrier.flush() }
  }

  // MARK: In

  private func take(_ answer: Answer, _ now: Int64) {
    let place = Int(truncatingIfNeeded: answer.sequence) & (Self.spread - 1)
    let frame = Int(sources[answer.source].frames[place])
    guard frame >= 0, flights[frame].sequence == answer.sequence else { return }
    lastAnswer = now
    if answer.kind == .refusal {
      result.refusals[answer.reason, default: 0] += 1
      flights[frame].isRefused = true
      flights[frame].deadline = now + max(10, answer.retryAfterMilliseconds) * 1_000_000
      return
    }
    result.latency.record(now - flights[frame].due)
    result.ackedBatches += 1
    result.ackedRecords += pool.records(frame)
    if answer.isResent { result.repeatedReceipts += 1 }
    result.verdicts.accepted += answer.counts.accepted
    result.verdicts.duplicate += answer.counts.duplicate
    result.verdicts.conflict += answer.counts.conflict
    result.verdicts.late += answer.counts.late
    result.verdicts.rejected += answer.counts.rejected
    flights[frame].isWaiting = false
    sources[answer.source].frames[place] = -1
    sources[answer.source].waiting -= 1
    free[(firstFree + freeCount) % free.count] = Int32(frame)
    freeCount += 1
  }

  private func wait(_ now: Int64) {
    var limit = Self.scanEvery
    if let rate = plan.rate, !isOver {
      let next = started + Int64(Double(result.sentBatches) * interval(rate))
      limit = max(0, min(limit, next - now))
    }
    let sockets = carriers.map(\.socket)
    let blocked = carriers.map { $0.isBlocked ? UInt8(1) : 0 }
    unsafe lg_wait(sockets, blocked, Int32(sockets.count), limit)
  }
}
