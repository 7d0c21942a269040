internal import Wire

/// The batches of one source that have no answer yet: numbers them, says when to send each again,
/// and settles them by acks and refusals.
///
/// Pure: time and jitter are handed in, in milliseconds of any clock that never runs backwards and
/// as a fraction of 65,536. A batch goes
///
///     issued ──► waiting for its answer ──► settled: an ack, or a refusal for good
///                   │          ▲
///                   └─ resent ─┘            due by backoff, refusal, request or lost connection
///
/// The span from the oldest batch that is not settled to the newest is at most `window`, so that
/// the gaps that the service has to remember are bounded too.
struct ResendQueue {
  /// How many batches may be under way, and when to send them again.
  struct Limits {
    /// The longest span of batches that are not settled, at least 1.
    var window: Int
    /// Milliseconds after which a batch is sent for the second time; doubled each time after.
    var firstDelay: Int64
    /// The longest of these delays.
    var longestDelay: Int64
  }

  /// One batch that is not settled.
  private struct Batch {
    var frame: [UInt8]
    var recordCount: Int
    /// How often it was sent.
    var attempts = 1
    /// How often it was sent since the service last said when to come back.
    var unanswered = 1
    var sentAt: Int64
    var dueAt: Int64
  }

  /// What answers must name.
  let source: SourceIdentity
  let limits: Limits
  /// The installation that answered first.
  private(set) var installation: InstallationID?
  /// The number that the next batch gets, from 1.
  private(set) var nextSequence: UInt64 = 1
  /// The lowest number that is not settled; ``nextSequence`` if all are.
  private(set) var oldestSequence: UInt64 = 1
  /// Batches that are not settled.
  private(set) var batchCount = 0
  /// Records in those batches.
  private(set) var recordCount = 0
  /// Until when the service wants nothing.
  private(set) var heldUntil = Int64.min
  /// The batch of a sequence stands at its remainder by the window.
  private var batches: [Batch?]

  init(source: SourceIdentity, limits: Limits) {
    precondition(
      limits.window > 0 && limits.firstDelay > 0 && limits.longestDelay >= limits.firstDelay,
      "BUG: the limits of a resend queue contradict each other")
    self.source = source
    self.limits = limits
    batches = Array(repeating: nil, count: limits.window)
  }

  /// Whether every batch is settled.
  var isEmpty: Bool { batchCount == 0 }

  /// Whether another batch may be issued now.
  func canIssue(now: Int64) -> Bool {
    nextSequence - oldestSequence < UInt64(limits.window) && now >= heldUntil
  }

  /// Takes over the batch ``nextSequence``, which is being sent for the first time.
  mutating func issue(frame: [UInt8], recordCount: Int, now: Int64, jitter: UInt16) {
    precondition(
      nextSequence - oldestSequence < UInt64(limits.window),
      "BUG: a batch was issued past the window")
    batches[place(nextSequence)] = Batch(
      frame: frame, recordCount: recordCount, sentAt: now,
      dueAt: now + delay(afterAttempt: 1, jitter: jitter))
    nextSequence += 1
    batchCount += 1
    self.recordCount += recordCount
  }

  /// The frame of the oldest batch that is to be sent again now, nil if there is none.
  ///
  /// It counts as sent. `jitter` spreads batches that became due together.
  mutating func takeDue(now: Int64, jitter: UInt16) -> [UInt8]? {
    guard now >= heldUntil else { return nil }
    var sequence = oldestSequence
    while sequence < nextSequence {
      let place = place(sequence)
      if var batch = batches[place], batch.dueAt <= now {
        batch.attempts += 1
        batch.unanswered += 1
        batch.sentAt = now
        batch.dueAt = now + delay(afterAttempt: batch.unanswered, jitter: jitter)
        batches[place] = batch
        return batch.frame
      }
      sequence += 1
    }
    return nil
  }

  /// All that was sent may be lost: every batch is to be sent again at once.
  mutating func connectionLost(now: Int64) {
    for place in batches.indices { batches[place]?.dueAt = now }
  }

  private func place(_ sequence: UInt64) -> Int {
    Int(truncatingIfNeeded: sequence % UInt64(limits.window))
  }

  /// At least half of the full delay, so that senders that failed together do not return together.
  private func delay(afterAttempt attempts: Int, jitter: UInt16) -> Int64 {
    let doubled = limits.firstDelay.multipliedReportingOverflow(
      by: 1 << Int64(min(max(attempts, 1) - 1, 30)))
    let full =
      doubled.overflow ? limits.longestDelay : min(doubled.partialValue, limits.longestDelay)
    return full - full / 2 + (full / 2) * Int64(jitter) / 65_536
  }
}

extension ResendQueue {
  /// What an answer meant.
  enum Outcome: Equatable {
    /// The batch is settled; it had been sent this often.
    case settled(attempts: Int)
    /// The batch waits and is sent again.
    case deferred
    /// The batch was settled before.
    case repeated
    /// No batch of this number was ever issued.
    case neverSent
    /// The answer is for another source or epoch.
    case foreign
  }

  /// Why no answer can be trusted any more.
  enum Fault: Error, Equatable {
    /// An answer came from another installation than the first one.
    case installationChanged(first: InstallationID, found: InstallationID)
    /// The receipt is that of another batch with the same number: the epoch was used before.
    case receiptMismatch(sequence: UInt64, sent: Int, receipt: Int)
  }

  /// Settles a batch by its ack.
  mutating func acknowledge(_ ack: Ack) throws(Fault) -> Outcome {
    if let other = try other(ack.source, ack.header.sequence, ack.installation) { return other }
    let sequence = ack.header.sequence
    let receipt = Int(clamping: ack.receipt.received)
    guard let batch = batches[place(sequence)] else { return .repeated }
    guard receipt == batch.recordCount else {
      throw .receiptMismatch(sequence: sequence, sent: batch.recordCount, receipt: receipt)
    }
    settle(sequence, batch)
    return .settled(attempts: batch.attempts)
  }

  /// Defers a batch by its refusal; a refusal for good settles it.
  ///
  /// If the service says how long to wait, nothing at all is sent before; if not, the batch waits
  /// as it would after a loss.
  mutating func refuse(_ refusal: Refusal, now: Int64, jitter: UInt16) throws(Fault) -> Outcome {
    if let other = try other(refusal.source, refusal.header.sequence, refusal.installation) {
      return other
    }
    let sequence = refusal.header.sequence
    guard var batch = batches[place(sequence)] else { return .repeated }
    guard refusal.isRetryable else {
      settle(sequence, batch)
      return .settled(attempts: batch.attempts)
    }
    if refusal.retryAfter > 0 {
      // Up to a quarter more, so that senders that were refused together do not return together.
      let wait = Int64(refusal.retryAfter)
      batch.dueAt = now + wait + wait * Int64(jitter) / (4 * 65_536)
      batch.unanswered = 0
      heldUntil = max(heldUntil, batch.dueAt)
    } else {
      batch.dueAt = now + delay(afterAttempt: batch.unanswered, jitter: jitter)
    }
    batches[place(sequence)] = batch
    return .deferred
  }

  /// The service asks for these numbers, which it has not received: those that were sent
  /// `settleTime` milliseconds ago or earlier are to be sent again at once.
  mutating func request(_ missing: ClosedRange<UInt64>, now: Int64, settleTime: Int64) {
    var sequence = max(missing.lowerBound, oldestSequence)
    while sequence <= missing.upperBound, sequence < nextSequence {
      let place = place(sequence)
      if let sentAt = batches[place]?.sentAt, now - sentAt >= settleTime {
        batches[place]?.dueAt = now
      }
      sequence += 1
    }
  }

  /// The records of a batch that is not settled, nil for any other number.
  func recordCount(of sequence: UInt64) -> Int? {
    guard sequence >= oldestSequence, sequence < nextSequence else { return nil }
    return batches[place(sequence)]?.recordCount
  }

  /// What an answer means that is for no batch of the window, nil if it is for one of it.
  private mutating func other(
    _ source: SourceIdentity, _ sequence: UInt64, _ installation: InstallationID
  ) throws(Fault) -> Outcome? {
    guard source == self.source else { return .foreign }
    if let first = self.installation, first != installation {
      throw .installationChanged(first: first, found: installation)
    }
    guard sequence > 0, sequence < nextSequence else { return .neverSent }
    self.installation = installation
    return sequence < oldestSequence ? .repeated : nil
  }

  private mutating func settle(_ sequence: UInt64, _ batch: Batch) {
    batches[place(sequence)] = nil
    batchCount -= 1
    recordCount -= batch.recordCount
    while oldestSequence < nextSequence, batches[place(oldestSequence)] == nil {
      oldestSequence += 1
    }
  }
}
