import Dedup
import SegmentLog
import Wire

extension Ledger {
  /// Notes the arrival of what is appended to the open block next.
  mutating func beginBlockEntry() {
    let now = time.milliseconds
    blockArrivals = block.isEmpty ? now...now : blockArrivals.lowerBound...now
  }

  /// Seals the open block, if it holds anything, and asks the shell to write it.
  ///
  /// The shell calls this whenever its writer is idle; a full block seals itself.
  public mutating func sealBlock() {
    guard !block.isEmpty else { return }
    block.encode(into: &columns)
    segments[segments.count - 1].sums.add(block.records)
    segments[segments.count - 1].add(tenants: block.names.tenantMembers)
    let entryCount = block.entryCount
    let rawKeys = block.records.takeRawKeys()
    append(
      .usage, entryCount: entryCount, arrivals: blockArrivals, raw: rawKeys,
      columns: columns.take())
    block.removeAll()
  }

  /// Appends a control entry in a block of its own, behind whatever is in the open block.
  ///
  /// - Returns: the position of the entry.
  @discardableResult
  mutating func append(_ entry: ControlEntry) -> LogPosition {
    sealBlock()
    rotateIfDue()
    return appendControl(entry)
  }

  /// Appends a control entry right behind the last block.
  @discardableResult
  mutating func appendControl(_ entry: ControlEntry) -> LogPosition {
    let position = sealer.end.position
    append(
      .control, entryCount: 1, arrivals: time.milliseconds...time.milliseconds, raw: [],
      columns: entry.encoded())
    return position
  }

  private mutating func append(
    _ kind: BlockKind, entryCount: Int, arrivals: ClosedRange<Int64>, raw: [UInt64],
    columns: [UInt8]
  ) {
    let header = sealer.seal(
      kind: kind, entryCount: entryCount, firstArrival: arrivals.lowerBound,
      lastArrival: arrivals.upperBound, raw: raw.span.raw, columns: columns.span.raw)
    let last = segments.count - 1
    segments[last].end = header.end
    let arrival = Timestamp(milliseconds: arrivals.upperBound)
    segments[last].lastArrival = arrival
    if awaited == nil { awaited = (header.end.position, arrival) }
    actions.append(.append(LogBlock(header: header, raw: raw, columns: columns)))
  }

  /// Begins a new segment if there is none, or if the current one is full or old.
  ///
  /// A segment that holds no records does not grow old. The open block must be empty: the snapshot
  /// at the new head would know its batches, and a crash may lose them after the snapshot; and the
  /// positions of its receipts would move.
  mutating func rotateIfDue() {
    precondition(block.isEmpty, "BUG: a segment begins before the open block is sealed")
    if let last = segments.last {
      let isFull = last.byteCount >= configuration.segmentSize
      let isOld =
        time.milliseconds - last.created.milliseconds >= configuration.segmentAge
        && last.lastHour != nil
      guard isFull || isOld else { return }
    }
    beginSegment()
  }

  /// Begins a new segment with a snapshot at its head.
  mutating func beginSegment() {
    let number = segments.last.map { $0.number + 1 } ?? 1
    let header = SegmentHeader(
      installation: identity.installation.bits, secretFingerprint: identity.secret.fingerprint,
      partition: identity.partition, partitionCount: identity.partitionCount, number: number,
      start: sealer.end, createdAt: time.milliseconds)
    var bytes: [UInt8] = []
    header.encode(into: &bytes)
    segments.append(
      SegmentSummary(
        number: number, start: sealer.end, created: time, byteCount: bytes.count))
    actions.append(.openSegment(number: number, header: bytes))
    appendControl(.snapshot(snapshot()))
  }

  /// The small state of this moment, at the head of the last segment.
  func snapshot() -> LedgerSnapshot {
    let tenants = names.numberedSnapshot()
    return LedgerSnapshot(
      time: time, configuration: configurationRecord, closedThrough: closedThrough,
      horizon: horizon, largestAhead: largestAhead, checkpoint: checkpoint, attempt: attempt,
      tenants: tenants.map(\.tenant), sources: sources.snapshot(),
      voided: corrections.voided.sorted(),
      replayed: corrections.replayed.sorted { $0.key < $1.key }.map {
        LedgerSnapshot.Replayed(number: $0.key, position: $0.value)
      },
      previous: segments.dropLast().last?.logged(tenants: tenants.map(\.id)))
  }
}
