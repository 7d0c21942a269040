internal import Authentication
internal import EventLoop
internal import Wire

/// One run of a ``UsageSender``: reads, packs, sends and settles on a loop of its own.
final class SendSession {
  let options: SenderOptions
  let authenticator: MessageAuthenticator?
  let loop: EventLoop
  var queue: ResendQueue
  var summary = SendSummary()
  /// The last refusal since a batch was acked.
  var lastRefusal: RefusalReason?
  /// When a batch was last issued or settled.
  var lastProgress = EventLoop.monotonicMilliseconds()

  private let records: () throws(InputFailure) -> UsageRecord?
  private let progress: (SendSummary) -> Void
  private var encoder: FrameEncoder
  /// A record that found no room in the frame before.
  private var carried: UsageRecord?
  private var inputHasEnded = false
  private var failure: SendError.Reason?
  private var hasEnded = false
  private var transport: (any FrameTransport)?
  private var lastReport = EventLoop.monotonicMilliseconds()

  /// How often the sender looks for batches to send again.
  private static let tickMilliseconds: Int64 = 10
  /// The shortest time between two reports of progress.
  private static let reportMilliseconds: Int64 = 100

  init(
    _ options: SenderOptions, _ authenticator: MessageAuthenticator?,
    records: @escaping () throws(InputFailure) -> UsageRecord?,
    progress: @escaping (SendSummary) -> Void
  ) throws(EventLoopError) {
    self.options = options
    self.authenticator = authenticator
    self.records = records
    self.progress = progress
    queue = ResendQueue(source: options.source, limits: options.resendLimits)
    do throws(WireError) {
      encoder = try FrameEncoder(
        source: options.source, keyID: options.key?.id ?? .none,
        maximumLength: options.frameLength)
    } catch {
      fatalError("BUG: the options of a sender were not checked: \(error)")
    }
    loop = try EventLoop()
  }

  /// Runs until everything is settled or nothing more can be; the reason is nil if all went well.
  func run() -> (SendSummary, SendError.Reason?) {
    do throws(EventLoopError) {
      transport = try openTransport()
      let timer = loop.makeTimer(after: 0, every: Self.tickMilliseconds) { [unowned self] in
        tick()
      }
      loop.run()
      timer.close()
    } catch {
      failure = .transport(error)
    }
    transport?.close()
    loop.close()
    transport = nil
    report()
    return (summary, failure)
  }

  private func openTransport() throws(EventLoopError) -> any FrameTransport {
    let handlers = TransportHandlers(
      onFrame: { [unowned self] frame in receive(frame) },
      onMalformed: { [unowned self] in summary.ignored.malformed += 1 },
      onGroupEnd: { [unowned self] in pump() },
      onReady: { [unowned self] in
        queue.connectionLost(now: EventLoop.monotonicMilliseconds())
        resend()
        pump()
      })
    // Every batch may wait to be written twice: sent, and sent again.
    let queueBytes = 2 * options.resendLimits.window * options.frameLength + (1 << 20)
    switch options.transport {
    case .udp:
      return try DatagramTransport(
        on: loop, to: options.server, queueBytes: queueBytes, handlers: handlers)
    case .tcp:
      return try StreamTransport(
        on: loop, to: options.server, queueBytes: queueBytes, handlers: handlers)
    }
  }

  /// Ends the run for a reason.
  func stop(_ reason: SendError.Reason?) {
    guard !hasEnded else { return }
    hasEnded = true
    failure = failure ?? reason
    loop.stop()
  }

  /// Issues batches until the window is full or the input has ended.
  private func pump() {
    guard !hasEnded, let transport else { return }
    if transport.isReady {
      while queue.canIssue(now: EventLoop.monotonicMilliseconds()), fillFrame() {
        issueFrame(to: transport)
      }
      transport.flush()
    }
    if inputHasEnded, encoder.isEmpty, carried == nil, queue.isEmpty { stop(nil) }
    let now = EventLoop.monotonicMilliseconds()
    if now - lastReport >= Self.reportMilliseconds {
      lastReport = now
      report()
    }
  }

  /// Reads until a frame is full or the input has ended; false if there is no record to send.
  private func fillFrame() -> Bool {
    if inputHasEnded, carried == nil { return false }
    if let record = carried {
      carried = nil
      _ = append(record)
    }
    while !inputHasEnded {
      do throws(InputFailure) {
        guard let record = try records() else {
          inputHasEnded = true
          break
        }
        summary.recordsRead += 1
        if !append(record) { break }
      } catch {
        inputHasEnded = true
        failure = .input(error)
      }
    }
    // Time that the caller took for its records is no silence of the service.
    lastProgress = EventLoop.monotonicMilliseconds()
    return !encoder.isEmpty
  }

  /// Packs a record, unless it is one that no service takes; false if the frame is full.
  private func append(_ record: UsageRecord) -> Bool {
    switch encoder.append(record) {
    case .appended: return true
    case .full:
      carried = record
      return false
    case .rejected(let reason):
      summary.unsendable[reason, default: 0] += 1
      return true
    }
  }

  private func issueFrame(to transport: any FrameTransport) {
    let recordCount = encoder.recordCount
    let sequence = queue.nextSequence
    var frame: [UInt8] = []
    frame.reserveCapacity(options.frameLength)
    encoder.finish(sequence: sequence, highestSequence: sequence, to: &frame) { bytes in
      authenticator?.tag(of: bytes) ?? 0
    }
    transport.send(unsafe frame.span.bytes)
    let now = EventLoop.monotonicMilliseconds()
    queue.issue(frame: frame, recordCount: recordCount, now: now, jitter: .random(in: 0...(.max)))
    summary.batchesSent += 1
    summary.recordsSent += UInt64(recordCount)
  }

  private func tick() {
    guard !hasEnded, let transport else { return }
    if transport.isReady, transport.hasLeft { resend() }
    pump()
    let silence = EventLoop.monotonicMilliseconds() - lastProgress
    if silence >= options.timeout {
      stop(
        .noProgress(
          milliseconds: silence, transport: transport.trouble, refusal: lastRefusal))
    }
  }

  private func resend() {
    guard let transport else { return }
    let now = EventLoop.monotonicMilliseconds()
    while let frame = queue.takeDue(now: now, jitter: .random(in: 0...(.max))) {
      transport.send(unsafe frame.span.bytes)
      summary.batchesResent += 1
    }
    transport.flush()
  }

  private func report() {
    summary.batchesWaiting = queue.batchCount
    summary.recordsWaiting = queue.recordCount
    summary.installation = queue.installation
    progress(summary)
  }
}
