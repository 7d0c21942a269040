import Dedup
public import SegmentLog
public import Wire

extension Ledger {
  /// Takes an accepted record out again: its exact negative is booked.
  ///
  /// In a finalized period that is an adjustment in the oldest open one. The key stays taken. The
  /// acceptance window does not matter.
  ///
  /// - Parameters:
  ///   - found: the record, as the log has it.
  ///   - operatorName: who asks for it.
  ///   - reason: why.
  /// - Returns: the correction that was logged.
  public mutating func void(
    _ found: FoundRecord, operatorName: String, reason: String
  ) throws(CorrectionRefusal) -> LoggedCorrection {
    append(try plan(toVoid: found, operatorName: operatorName, reason: reason))
  }

  /// Takes an accepted record out and another one in, in one step.
  ///
  /// The key of the new one is made from the old one's and the revision; both are taken from then
  /// on. The new record may have any event time that is not ahead of the acceptance window.
  ///
  /// - Parameters:
  ///   - found: the record, as the log has it.
  ///   - amendment: what is different.
  ///   - operatorName: who asks for it.
  ///   - reason: why.
  /// - Returns: the correction that was logged.
  /// - Throws: ``CorrectionRefusal``, or `RunError` as ``judge(_:wall:monotonic:)`` does.
  public mutating func amend(
    _ found: FoundRecord, _ amendment: Amendment, operatorName: String, reason: String
  ) throws -> LoggedCorrection {
    let correction = try plan(
      toAmend: found, amendment, operatorName: operatorName, reason: reason)
    try take(correction.added)
    return append(correction)
  }

  /// Takes a record in that was quarantined for a reason that lay with the service.
  ///
  /// It keeps its key, so that it counts once, whether it is replayed or sent again.
  ///
  /// - Parameters:
  ///   - record: the record.
  ///   - number: its number in the quarantine.
  ///   - operatorName: who asks for it.
  ///   - reason: why.
  /// - Returns: the correction that was logged.
  /// - Throws: ``CorrectionRefusal``, or `RunError` as ``judge(_:wall:monotonic:)`` does.
  public mutating func replay(
    _ record: UsageRecord, quarantined number: UInt64, operatorName: String, reason: String
  ) throws -> LoggedCorrection {
    let correction = try plan(
      toReplay: record, quarantined: number, operatorName: operatorName, reason: reason)
    try take(correction.added)
    return append(correction)
  }

  /// Whether a record of this position is void.
  public func isVoid(_ position: LogPosition) -> Bool { corrections.voided.contains(position) }

  /// What voiding a record would log; nothing is changed.
  public func plan(
    toVoid found: FoundRecord, operatorName: String, reason: String
  ) throws(CorrectionRefusal) -> Correction {
    try checkCorrection()
    try checkNotVoid(found)
    return Correction(
      subject: .record(found.position), voided: negative(of: found.booked), added: nil,
      revision: 0, time: time, operatorName: operatorName, reason: reason)
  }

  /// What amending a record would log; nothing is changed but that new names get their numbers.
  public mutating func plan(
    toAmend found: FoundRecord, _ amendment: Amendment, operatorName: String, reason: String
  ) throws(CorrectionRefusal) -> Correction {
    try checkCorrection()
    try checkNotVoid(found)
    var record = amendment.applied(to: found.booked.record)
    guard record != found.booked.record else { throw .unchanged }
    let revision = found.revision + 1
    record.key = amendedKey(of: found.booked.record, revision: revision)
    return Correction(
      subject: .record(found.position), voided: negative(of: found.booked),
      added: try booked(record), revision: revision, time: time, operatorName: operatorName,
      reason: reason)
  }

  /// What replaying a quarantined record would log; nothing is changed but that new names get their
  /// numbers. Whether its key is known is not asked.
  public mutating func plan(
    toReplay record: UsageRecord, quarantined number: UInt64, operatorName: String, reason: String
  ) throws(CorrectionRefusal) -> Correction {
    try checkCorrection()
    guard corrections.replayed[number] == nil else { throw .alreadyReplayed(number) }
    return Correction(
      subject: .quarantined(number), voided: nil, added: try booked(record), revision: 0,
      time: time, operatorName: operatorName, reason: reason)
  }

  // MARK: Conditions

  private func checkCorrection() throws(CorrectionRefusal) {
    if clock.hold != nil { throw .refused(.clockHeld) }
    if let refusal { throw .refused(refusal) }
    guard corrections.count < configuration.maximumCorrections else {
      throw .tooMany(limit: configuration.maximumCorrections)
    }
    guard dedup.hasRoom(for: 1) else { throw .refused(.keyIndexFull) }
  }

  private func checkNotVoid(_ found: FoundRecord) throws(CorrectionRefusal) {
    guard !corrections.voided.contains(found.position) else { throw .alreadyVoid(found.position) }
  }

  // MARK: Booking

  /// The negative of a record: in its own row while that may change, else in the oldest open
  /// period.
  private func negative(of booked: BookedRecord) -> BookedRecord {
    let openFrom = names.knownTenant(booked.record.tenant).map { names.tenants[Int($0)].openFrom }
    guard let openFrom else { return booked }
    var negative = booked
    let counts = booked.bookingStart?.start.milliseconds ?? booked.record.time.milliseconds
    if counts < openFrom {
      negative.bookingStart = Hour(containing: Timestamp(milliseconds: openFrom))
    }
    return negative
  }

  /// A record as it is booked now.
  private mutating func booked(_ record: UsageRecord) throws(CorrectionRefusal) -> BookedRecord {
    if let fault = record.fault { throw .rejected(fault) }
    if record.time.milliseconds > time.milliseconds + configuration.acceptanceAhead {
      throw .rejected(.timeAhead)
    }
    var booked = BookedRecord(record: record, weight: 1, bookingStart: nil)
    guard let tenant = names.tenant(Array(record.tenant.utf8).span.raw) else {
      throw .rejected(.tooManyTenants)
    }
    guard let operation = names.operation(Array(record.operation.utf8).span.raw) else {
      throw .rejected(.tooManyOperations)
    }
    if record.kind == .compute {
      let weight = names.weight(ofOperation: operation, at: record.time.milliseconds)
      booked.weight = UInt32(truncatingIfNeeded: weight)
    }
    let openFrom = names.tenants[Int(tenant)].openFrom
    if record.time.milliseconds < openFrom {
      booked.bookingStart = Hour(containing: Timestamp(milliseconds: openFrom))
    }
    if let numbered = NumberedRecord(booked, in: &names, hasher),
      names.admitContext(of: numbered.rollupKey)
    {
      return booked
    }
    booked.record.contextType = .other
    booked.record.context = LedgerNames.overflowContext
    return booked
  }

  /// Takes the key of a record that is added.
  private mutating func take(_ added: BookedRecord?) throws {
    guard let added = added.flatMap({ NumberedRecord($0, in: &names, hasher) }) else {
      preconditionFailure("BUG: a record is added whose names have no numbers")
    }
    // The entry stands alone, behind whatever is in the open block.
    sealBlock()
    rotateIfDue()
    guard try judge(added, .admit, front: front) == .new else { throw CorrectionRefusal.keyTaken }
  }

  /// Asks the key index about the key of a record.
  private mutating func judge(
    _ added: NumberedRecord, _ request: DedupRequest, front: LogFront
  ) throws(RunError) -> DedupAnswer? {
    let (hashes, payloads) = ([added.key], [added.payload(names)])
    let requests = [request.rawValue]
    var answers: [UInt8] = [0]
    var room = answers.mutableSpan
    try dedup.judge(
      hashes: hashes.span, payloads: payloads.span, requests: requests.span,
      arrival: time.milliseconds, front: front, answers: &room)
    return DedupAnswer(rawValue: answers[0])
  }

  /// The key of an amended record: 128 bits of the keyed hash of the old key, its form and the
  /// revision.
  private func amendedKey(of record: UsageRecord, revision: UInt32) -> RecordKey {
    let tenant = Array(record.tenant.utf8)
    let scope = hasher.scope(tenant: tenant.span.raw)
    var (bytes, form) = record.key.bytes
    bytes += stride(from: 0, to: 32, by: 8).map { UInt8(truncatingIfNeeded: revision >> $0) }
    let hash = hasher.hash(key: bytes.span.raw, form: 2 + form, in: scope)
    return .raw(UInt128(hash.high) << 64 | UInt128(hash.low))
  }

  // MARK: The log

  private mutating func append(_ correction: Correction) -> LoggedCorrection {
    let position = append(.corrected(correction))
    segments[segments.count - 1].sums.add(correction)
    fold(correction, at: position)
    return LoggedCorrection(position: position, correction: correction)
  }

  /// Takes over a correction from the log.
  ///
  /// - Parameters:
  ///   - start: where its block begins.
  ///   - isRemembered: false if the keys of all before its block's end stand in runs.
  mutating func replay(
    _ correction: Correction, from start: ChainPoint, isRemembered: Bool
  ) throws(RunError) {
    let front = LogFront(sealed: LogPlace(start), open: start.position.rawValue)
    dedup.advance(to: time.milliseconds, front: front)
    if isRemembered, let added = correction.added,
      let numbered = NumberedRecord(added, in: &names, hasher)
    {
      _ = try judge(numbered, .renew, front: front)
    }
    fold(correction, at: start.position)
  }

  /// Notes the tenants of a correction in the last segment.
  mutating func noteTenants(of correction: Correction) {
    for booked in [correction.voided, correction.added] {
      guard let booked, let tenant = names.tenant(Array(booked.record.tenant.utf8).span.raw) else {
        continue
      }
      segments[segments.count - 1].add(tenants: [tenant])
    }
  }

  /// Books a correction in its rows, and remembers it.
  private mutating func fold(_ correction: Correction, at position: LogPosition) {
    for (booked, isVoided) in [(correction.voided, true), (correction.added, false)] {
      guard let booked, let numbered = NumberedRecord(booked, in: &names, hasher) else { continue }
      let key = numbered.rollupKey
      let sums = numbered.sums(names, hasher)
      names.noteUsage(key)
      _ = names.admitContext(of: key)
      let row = pending.rollups.findOrInsert(key)
      pending.rollups.add(row.slot, sums: isVoided ? sums.negated : sums)
      pending.records += isVoided ? -1 : 1
    }
    noteTenants(of: correction)
    pending.entries += 1
    pending.corrections.append(LoggedCorrection(position: position, correction: correction))
    corrections.insert(correction.subject, at: position)
  }
}
