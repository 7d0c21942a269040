import Authentication
import EventLoop
import Wire

/// How a load is made.
struct LoadPlan {
  var server: SocketAddress
  var source: SourceIdentity
  var key: (id: KeyID, secret: [UInt8])?
  var frameLength: Int
  var window: Int
  var seconds: Double
  var recordLimit: Int64
  var duplicatePercent: Int
}

/// What a load came to.
struct LoadResult {
  var seconds = 0.0
  var sentRecords: Int64 = 0
  var ackedRecords: Int64 = 0
  var ackedBatches: UInt64 = 0
  var resentBatches: UInt64 = 0
  var deferredBatches: UInt64 = 0
  var recordsPerFrame = 0.0
  var counts = VerdictTotals()
  var expectedDuplicates: Int64 = 0
  var latency = LatencyHistogram()
  var expected: [TenantKind: Totals] = [:]
}

/// Records by verdict, as the acks say.
struct VerdictTotals: Equatable {
  var accepted: Int64 = 0
  var duplicate: Int64 = 0
  var other: Int64 = 0
}

/// A closed loop over UDP: a window of batches is on its way, each ack lets the next one out.
///
/// A batch without an ack is sent again as it was; no loss on the way goes uncounted.
final class LoadRun {
  private struct Batch {
    var bytes: [UInt8]
    var records: Int
    var firstSent: Int64
    var lastSent: Int64
  }

  private static let resendAfter: Int64 = 500_000_000
  private static let templateCount = 256

  private let plan: LoadPlan
  private let loop: EventLoop
  private let endpoint: UDPEndpoint
  private let authenticator: MessageAuthenticator?
  private var templates: [FrameTemplate] = []
  private var waiting: [UInt64: Batch] = [:]
  private var nextSequence: UInt64 = 1
  private var counter: UInt64
  private var result = LoadResult()
  private var started: Int64 = 0
  private var isOver = false

  init(_ plan: LoadPlan) throws {
    self.plan = plan
    loop = try EventLoop()
    // A frame of its own for each datagram: a frame above the limit goes alone.
    endpoint = try UDPEndpoint(
      on: loop, connectedTo: plan.server,
      options: UDPOptions(
        receiveBufferBytes: 4 << 20, maximumDatagramLength: 192, sendQueueBytes: 64 << 20))
    authenticator = plan.key.map { MessageAuthenticator(secret: $0.secret) }
    // Keys of different runs differ, because the clock does.
    counter = UInt64(EventLoop.wallMilliseconds()) << 32
    var mix = CanonicalMix(seed: 42, duplicatePercent: plan.duplicatePercent)
    for _ in 0..<Self.templateCount {
      templates.append(
        try FrameTemplate(
          &mix, source: plan.source, keyID: plan.key?.id ?? .none, length: plan.frameLength))
    }
  }

  /// Sends until the time or the number of records is reached and everything is acked.
  func run() -> LoadResult {
    endpoint.startReceiving(
      onDatagram: { [unowned self] bytes, _ in receive(bytes) },
      onBatchEnd: { [unowned self] in refill() })
    let timer = loop.makeTimer(after: 100, every: 100) { [unowned self] in resend() }
    started = EventLoop.monotonicNanoseconds()
    loop.onIterationEnd { [unowned self] in endpoint.flushQueued() }
    refill()
    loop.run()
    timer.close()
    endpoint.close()
    loop.close()
    result.recordsPerFrame =
      Double(templates.reduce(0) { $0 + $1.recordCount }) / Double(templates.count)
    sum()
    return result
  }

  private func refill() {
    let now = EventLoop.monotonicNanoseconds()
    if !isOver {
      let seconds = Double(now - started) / 1e9
      isOver = seconds >= plan.seconds || result.sentRecords >= plan.recordLimit
    }
    let time = EventLoop.wallMilliseconds() - 2_000
    while !isOver, waiting.count < plan.window {
      send(template: Int(nextSequence) % Self.templateCount, time: time, now: now)
    }
    if isOver, waiting.isEmpty { loop.stop() }
  }

  private func send(template: Int, time: Int64, now: Int64) {
    let sequence = nextSequence
    nextSequence += 1
    result.expectedDuplicates += Int64(templates[template].nextDuplicates)
    templates[template].patch(sequence: sequence, time: time, counter: &counter)
    if let authenticator { templates[template].sign { authenticator.tag(of: $0) } }
    let bytes = templates[template].bytes
    let records = templates[template].recordCount
    waiting[sequence] = Batch(bytes: bytes, records: records, firstSent: now, lastSent: now)
    result.sentRecords += Int64(records)
    unsafe endpoint.queue(bytes.span.bytes, to: plan.server)
  }

  private func receive(_ datagram: RawSpan) {
    let now = EventLoop.monotonicNanoseconds()
    var rest = datagram
    while !rest.isEmpty {
      guard
        let length = try? FrameHeader.frameLength(peeking: rest, limits: .standard),
        length <= rest.byteCount,
        let header = try? FrameHeader(
          parsing: rest.extracting(first: length), limits: .standard)
      else { return }
      let frame = rest.extracting(first: length)
      if header.type == .ack {
        settle(header, try? Ack(parsing: frame, header: header), now)
      } else {
        result.deferredBatches += 1
      }
      rest = rest.extracting(droppingFirst: length)
    }
  }

  private func settle(_ header: FrameHeader, _ ack: Ack?, _ now: Int64) {
    guard let ack, let batch = waiting.removeValue(forKey: header.sequence) else { return }
    result.latency.record(now - batch.firstSent)
    result.ackedBatches += 1
    result.ackedRecords += Int64(batch.records)
    let counts = ack.receipt.counts
    result.counts.accepted += Int64(counts.accepted)
    result.counts.duplicate += Int64(counts.duplicate)
    result.counts.other += Int64(counts.conflict + counts.late + counts.rejected)
    result.seconds = Double(now - started) / 1e9
  }

  private func resend() {
    let now = EventLoop.monotonicNanoseconds()
    for (sequence, batch) in waiting where now - batch.lastSent > Self.resendAfter {
      waiting[sequence]?.lastSent = now
      result.resentBatches += 1
      unsafe endpoint.queue(batch.bytes.span.bytes, to: plan.server)
    }
    endpoint.flushQueued()
    refill()
  }

  /// What Postgres must hold of this run.
  private func sum() {
    for template in templates where template.sendings > 0 {
      for (key, totals) in template.fresh {
        result.expected[key, default: Totals()] += Totals(
          records: totals.records * Int64(template.sendings),
          quantity: totals.quantity * Int128(template.sendings))
      }
      for (key, totals) in template.duplicate { result.expected[key, default: Totals()] += totals }
    }
  }
}
