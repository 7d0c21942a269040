import SegmentLog
import Testing
import Wire

@testable import Metering

@Suite("Records are voided, amended and replayed")
struct LedgerCorrectionTests {
  private let hour: Int64 = 3_600_000
  private let start = LedgerWorld.start

  private func found(
    _ record: UsageRecord, at position: UInt64 = 1 << 40, booking: Hour? = nil, weight: UInt32 = 1
  ) -> FoundRecord {
    FoundRecord(
      position: LogPosition(position),
      booked: BookedRecord(record: record, weight: weight, bookingStart: booking))
  }

  private func void(_ world: LedgerWorld, _ record: FoundRecord) throws -> Correction {
    defer { world.take() }
    return try world.ledger.void(record, operatorName: "olga", reason: "test run").correction
  }

  private func amend(
    _ world: LedgerWorld, _ record: FoundRecord, _ change: (inout Amendment) -> Void
  ) throws -> Correction {
    defer { world.take() }
    var amendment = Amendment()
    change(&amendment)
    return try world.ledger.amend(record, amendment, operatorName: "olga", reason: "typo")
      .correction
  }

  private func total(_ world: LedgerWorld, late: Bool? = nil) -> UsageSums {
    world.postgres.rows.sums.reduce(into: UsageSums()) { total, row in
      if late == nil || late == (row.key.booking != nil) { total += row.value }
    }
  }

  private func finalizeJanuary(_ world: LedgerWorld) throws {
    world.tick(after: 3 * hour)
    try world.flush(token: 100)
    try world.finalize(.january, "acme")
    try world.flush(token: 101)
  }

  @Test func aVoidInAnOpenPeriodLeavesARowOfNothing() throws {
    let world = LedgerWorld()
    let record = UsageRecord.test(1, kind: .storage, at: start + 1, quantity: 500)
    try world.judge(TestBatch(sequence: 1, records: [record]))
    let correction = try void(world, found(record))
    #expect(correction.voided?.bookingStart == nil && correction.added == nil)
    try world.flush(token: 1)
    #expect(total(world) == UsageSums() && world.postgres.rows.sums.count == 1)
    // The key stays taken.
    let again = try world.judge(TestBatch(sequence: 2, records: [record]))
    #expect(again.codes(1) == [AckCode.duplicate.rawValue])
    #expect(throws: CorrectionRefusal.alreadyVoid(LogPosition(1 << 40))) {
      try void(world, found(record))
    }
  }

  @Test func aVoidInAFinalizedPeriodBecomesAnAdjustment() throws {
    let world = LedgerWorld()
    let record = UsageRecord.test(1, kind: .storage, at: start + 1, quantity: 500)
    try world.judge(TestBatch(sequence: 1, records: [record, .test(2)]))
    try finalizeJanuary(world)
    let before = total(world, late: false)
    let correction = try void(world, found(record))
    let february = BillingPeriod.february.firstHour
    #expect(correction.voided?.bookingStart == february)
    try world.flush(token: 1)
    world.postgres.checkSealed()
    #expect(total(world, late: false) == before)
    let adjustment = total(world, late: true)
    #expect(adjustment.count == -1 && adjustment.quantity == -500)
    let rest = Int128(february.start.milliseconds - start - 1)
    #expect(adjustment.byteMilliseconds == -500 * rest)
    #expect(total(world).digest == total(world, late: false).digest &+ adjustment.digest)
  }

  @Test func lateUsageIsVoidedWhereItWasBooked() throws {
    let world = LedgerWorld()
    try world.judge(TestBatch(sequence: 1, records: [.test(1)]))
    try finalizeJanuary(world)
    let record = UsageRecord.test(2, kind: .storage, at: start + 1, quantity: 7)
    try world.judge(TestBatch(sequence: 2, records: [record]))
    let february = BillingPeriod.february.firstHour
    _ = try void(world, found(record, booking: february))
    try world.flush(token: 1)
    #expect(total(world, late: true) == UsageSums())
  }

  @Test func anAmendmentIsAVoidAndANewRecord() throws {
    let world = LedgerWorld()
    let record = UsageRecord.test(1, operation: "render", at: start + 1, quantity: 500)
    try world.judge(TestBatch(sequence: 1, records: [record]))
    let correction = try amend(world, found(record)) {
      $0.quantity = 5
      $0.context = (.project, "apollo")
    }
    let added = try #require(correction.added?.record)
    #expect(added.quantity == 5 && added.context == "apollo" && added.operation == "render")
    #expect(added.key != record.key && correction.revision == 1)
    try world.flush(token: 1)
    #expect(total(world).quantity == 5 && total(world).count == 1)
    // Both keys are taken.
    let again = try world.judge(TestBatch(sequence: 2, records: [record, added]))
    #expect(again.codes(2) == [AckCode.duplicate.rawValue, AckCode.duplicate.rawValue])
    #expect(throws: CorrectionRefusal.alreadyVoid(LogPosition(1 << 40))) {
      try amend(world, found(record)) { $0.quantity = 6 }
    }
    // The amended one can be amended in its turn.
    var second = found(added, at: 77)
    second.revision = 1
    let next = try amend(world, second) { $0.quantity = 8 }
    #expect(next.revision == 2 && next.added?.record.key != added.key)
    try world.flush(token: 2)
    #expect(total(world).quantity == 8 && total(world).count == 1)
  }

  @Test func theAcceptanceWindowDoesNotMatter() throws {
    let world = LedgerWorld()
    let record = UsageRecord.test(1, at: start)
    try world.judge(TestBatch(sequence: 1, records: [record]))
    for _ in 0..<20 { world.tick(after: 6 * 24 * hour) }
    let correction = try amend(world, found(record)) {
      $0.time = Timestamp(milliseconds: start - 9)
    }
    #expect(correction.added?.record.time.milliseconds == start - 9)
    #expect(throws: CorrectionRefusal.rejected(.timeAhead)) {
      try amend(world, found(record, at: 5)) {
        $0.time = Timestamp(milliseconds: world.now + 2 * hour)
      }
    }
    #expect(throws: CorrectionRefusal.rejected(.quantityNegative)) {
      try amend(world, found(record, at: 5)) { $0.quantity = -1 }
    }
    #expect(throws: CorrectionRefusal.rejected(.nameEmpty)) {
      try amend(world, found(record, at: 5)) { $0.operation = "" }
    }
    #expect(throws: CorrectionRefusal.unchanged) { try amend(world, found(record, at: 5)) { _ in } }
  }

  @Test(arguments: [false, true])
  func correctionsAreKnownAfterAStart(fromSnapshot: Bool) throws {
    var configuration = LedgerWorld.configuration()
    configuration.segmentSize = fromSnapshot ? 1 : 1 << 20
    let world = LedgerWorld(configuration)
    let record = UsageRecord.test(1, kind: .storage, at: start + 1, quantity: 500)
    try world.judge(TestBatch(sequence: 1, records: [record]))
    let correction = try amend(world, found(record)) { $0.quantity = -3 }
    world.sync()
    let replayed = UsageRecord.test(9, at: start)
    _ = try world.ledger.replay(
      replayed, quarantined: 4, operatorName: "olga", reason: "limits were too low")
    world.take()
    world.sync()
    try world.judge(TestBatch(sequence: 2, records: [.test(3, at: world.now)]))
    world.sync()
    world.crash()
    try world.recover()
    let added = try #require(correction.added?.record)
    #expect(throws: CorrectionRefusal.alreadyVoid(LogPosition(1 << 40))) {
      try void(world, found(record))
    }
    #expect(throws: CorrectionRefusal.alreadyReplayed(4)) {
      try world.ledger.replay(replayed, quarantined: 4, operatorName: "x", reason: "y")
    }
    #expect(throws: CorrectionRefusal.keyTaken) {
      try world.ledger.replay(added, quarantined: 5, operatorName: "x", reason: "y")
    }
    try world.flush(token: 1)
    let total = total(world)
    #expect(total.count == 3 && total.quantity == -3 + 1 + 1)
    #expect(try world.fold(upTo: world.postgres.checkpoint) == world.postgres.rows)
  }

  @Test func theyAreForgottenWithTheirSegmentsAndBounded() throws {
    var configuration = LedgerWorld.configuration()
    configuration.maximumCorrections = 2
    configuration.segmentSize = 1
    let world = LedgerWorld(configuration)
    try world.judge(TestBatch(sequence: 1, records: [.test(1), .test(2), .test(3)]))
    world.sync()
    _ = try void(world, found(.test(1), at: 1))
    _ = try void(world, found(.test(2), at: 2))
    #expect(throws: CorrectionRefusal.tooMany(limit: 2)) { try void(world, found(.test(3), at: 3)) }
    world.sync()
    let count = world.ledger.segments.count - 1
    world.ledger.segmentsRemoved(count)
    _ = try void(world, found(.test(3), at: 3))
  }

  @Test func nothingIsCorrectedWhileTheServiceTakesNothing() throws {
    let world = LedgerWorld()
    try world.judge(TestBatch(sequence: 1, records: [.test(1)]))
    world.ledger.refusal = .diskReserve
    #expect(throws: CorrectionRefusal.refused(.diskReserve)) { try void(world, found(.test(1))) }
    world.ledger.refusal = nil
    world.ledger.tick(
      wall: Timestamp(milliseconds: world.now + 400 * 24 * hour), monotonic: world.now)
    #expect(throws: CorrectionRefusal.refused(.clockHeld)) { try void(world, found(.test(1))) }
  }
}
