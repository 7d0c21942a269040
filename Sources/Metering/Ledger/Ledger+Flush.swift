import Dedup
import SegmentLog
import Wire

extension Ledger {
  /// Begins a flush of everything that is folded: logs the attempt and sets the usage aside.
  ///
  /// - Parameter token: a random number that was never used before.
  /// - Returns: false if there is nothing to flush, or if a flush is under way.
  public mutating func beginFlush(token: UInt128) -> Bool {
    guard attempt == nil, !pending.isEmpty else { return false }
    sealBlock()
    // The entry stands right behind the span: a new segment begins before both.
    rotateIfDue()
    let attempt = FlushAttempt(token: token, from: checkpoint, to: sealer.end)
    appendControl(.flushAttempt(attempt))
    apply(attempt)
    return true
  }

  /// Whether a flush was begun, is on stable storage up to its attempt, and waits for
  /// ``takeFlush()``.
  public var isFlushReady: Bool {
    guard let attempt, staged != nil else { return false }
    return attempt.to.position < synced.position
  }

  /// Hands over the flush that was begun.
  ///
  /// - Complexity: O(rows). The batch is not sorted yet.
  public mutating func takeFlush() -> FlushBatch? {
    guard isFlushReady, let attempt, let usage = staged.take() else { return nil }
    var batch = FlushBatch(
      installation: identity.installation, partition: identity.partition, token: attempt.token,
      from: attempt.from, to: attempt.to, records: usage.records, rollups: [], adjustments: [],
      closedHours: usage.closedHours, corrections: usage.corrections,
      acceptances: usage.acceptances,
      finalizations: usage.finalizations, calendars: configuration.calendars)
    batch.add(usage.rollups, names)
    return batch
  }

  /// Notes that the flush that was begun is committed, and logs it.
  public mutating func flushCommitted() {
    guard let attempt else { preconditionFailure("BUG: a flush was committed that nobody began") }
    append(.flushCommitted(token: attempt.token, checkpoint: attempt.to))
    settle()
  }

  /// Sets the pending usage aside for an attempt.
  mutating func apply(_ attempt: FlushAttempt) {
    self.attempt = attempt
    var fresh = PendingUsage(seed: identity.secret.fingerprint)
    swap(&fresh, &pending)
    stagedRows = fresh.rollups.count
    staged = consume fresh
    stagedClosedThrough = closedThrough
  }

  /// Takes the attempt as not committed: what it set aside waits again.
  mutating func takeBack() {
    guard var usage = staged.take() else { return }
    usage.rollups.merge(pending.rollups)
    usage.records += pending.records
    usage.entries += pending.entries
    usage.closedHours += pending.closedHours
    usage.corrections += pending.corrections
    usage.acceptances += pending.acceptances
    usage.finalizations += pending.finalizations
    pending = usage
    attempt = nil
    stagedRows = 0
  }

  /// Takes the attempt as committed.
  mutating func settle() {
    guard let attempt else { return }
    checkpoint = attempt.to
    flushedClosedThrough = stagedClosedThrough
    self.attempt = nil
    staged = nil
    stagedRows = 0
  }

  /// Rows that are not known to be in Postgres.
  public var unflushedRows: Int { pending.rollups.count + stagedRows }

  /// Log entries that are not known to be in Postgres.
  public var unflushedEntries: UInt64 {
    sealer.end.position.rawValue - checkpoint.position.rawValue
  }
}

extension FlushBatch {
  /// Adds every row of a table.
  mutating func add(_ table: borrowing RollupTable, _ names: borrowing LedgerNames) {
    rollups.reserveCapacity(table.count)
    table.forEach { key, sums in
      let subject = names.subject(of: key)
      let hour = Hour(index: key.hour)
      if key.booking == RollupKey.notLate {
        rollups.append(RollupIncrement(subject: subject, hour: hour, sums: sums))
      } else {
        adjustments.append(
          AdjustmentIncrement(
            subject: subject, originHour: hour, bookingStart: Hour(index: key.booking), sums: sums))
      }
    }
  }

  /// Puts rollups and adjustments into the order that Postgres keeps them in. O(n log n).
  public mutating func sort() {
    rollups.sort {
      $0.subject.precedes($1.subject, $0.hour, $1.hour) ?? false
    }
    adjustments.sort {
      $0.subject.precedes($1.subject, $0.originHour, $1.originHour)
        ?? ($0.bookingStart < $1.bookingStart)
    }
  }
}

extension UsageSubject {
  /// Whether this subject and hour come before others, by (tenant, hour, kind, operation, context
  /// type, context) in the order of their bytes; nil if they are the same.
  func precedes(_ other: UsageSubject, _ hour: Hour, _ otherHour: Hour) -> Bool? {
    if let answer = Self.precedes(tenant, other.tenant) { return answer }
    if hour != otherHour { return hour < otherHour }
    if let answer = Self.precedes(kind.name, other.kind.name) { return answer }
    if let answer = Self.precedes(operation, other.operation) { return answer }
    if let answer = Self.precedes(contextType.name, other.contextType.name) { return answer }
    return Self.precedes(context, other.context)
  }

  /// The order of bytes; nil if they are the same. `String` itself compares by canonical
  /// equivalence, which Postgres does not.
  private static func precedes(_ left: String, _ right: String) -> Bool? {
    left.utf8.elementsEqual(right.utf8) ? nil : left.utf8.lexicographicallyPrecedes(right.utf8)
  }
}
