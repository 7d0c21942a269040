import Dedup
import Testing
import Wire

@testable import Metering

@Suite("What a ledger decides of records and batches")
struct LedgerVerdictTests {
  private let day: Int64 = 86_400_000

  private func rejected(_ reason: RejectionReason) -> UInt8 {
    AckCode(rejected: reason).rawValue
  }

  @Test func everyVerdictOfOneBatch() throws {
    let world = LedgerWorld()
    let now = world.now
    var conflict = UsageRecord.test(1)
    conflict.quantity = 2
    let batch = TestBatch(
      sequence: 1,
      records: [
        .test(1), .test(1), conflict, .test(2, at: now - 35 * day),
        .test(3, at: now - 35 * day - 1),
        .test(4, at: now + 3_600_000), .test(5, at: now + 3_600_001),
      ], hasInvalid: true)
    let outcome = try world.judge(batch)
    #expect(
      outcome.codes(8) == [
        0, 1, 2, 0, rejected(.timeTooOld), 0, rejected(.timeAhead), rejected(.quantityNegative),
      ])
    #expect(outcome.receipt.counts.total == 8)
    #expect(world.ledger.quarantined.map(\.index) == [4, 6, 7])
    #expect(
      world.ledger.quarantined.map(\.reason) == [.timeTooOld, .timeAhead, .quantityNegative])
  }

  @Test func aKnownKeyIsADuplicateWhateverItsTime() throws {
    let world = LedgerWorld()
    try world.judge(TestBatch(sequence: 1, records: [.test(1)]))
    world.tick(after: 30 * day)
    world.tick(after: 5 * day + 60_000)
    let outcome = try world.judge(TestBatch(sequence: 2, records: [.test(1), .test(2)]))
    #expect(outcome.codes(2) == [1, rejected(.timeTooOld)])
  }

  /// Names of equal ends and length, of equal bytes and another type, and of a few bytes more.
  @Test func namesThatLookAlikeAreDifferent() throws {
    let world = LedgerWorld()
    let shared = "tenant--"
    let tenants = ["a", "b", "c"].map { "\(shared)\($0)\(shared)" } + [shared, shared + shared]
    var records: [UsageRecord] = []
    for tenant in tenants {
      for type in [ContextType.project, .workspace] {
        for context in tenants {
          records.append(
            .test(UInt128(records.count), tenant: tenant, type: type, context: context))
        }
      }
    }
    // The second time every name is one that was used lately.
    for sequence in 1...2 as ClosedRange<UInt64> {
      try world.judge(TestBatch(sequence: sequence, records: records))
      for index in records.indices { records[index].key = .raw(UInt128(1_000 + index)) }
    }
    world.sync()
    let rows = try world.fold(upTo: world.ledger.end).sums
    #expect(rows.count == records.count)
    #expect(rows.values.allSatisfy { $0.count == 2 })
  }

  @Test func aPayloadIsKindOperationQuantityAndContext() throws {
    let world = LedgerWorld()
    let first = UsageRecord.test(1, type: .project, context: "p")
    var others = Array(repeating: first, count: 6)
    others[0].kind = .storage
    others[1].operation = "other"
    others[2].quantity = 9
    others[3].context = "q"
    others[4].contextType = .workspace
    others[5].time.milliseconds += 1
    let outcome = try world.judge(TestBatch(sequence: 1, records: [first] + others))
    #expect(outcome.codes(7) == [0, 2, 2, 2, 2, 2, 1])
  }

  @Test func limitsOfNamesRejectAndQuarantine() throws {
    var configuration = LedgerWorld.configuration()
    configuration.maximumTenants = 2
    configuration.maximumOperations = 1
    let world = LedgerWorld(configuration)
    let outcome = try world.judge(
      TestBatch(
        sequence: 1,
        records: [
          .test(1, tenant: "a"), .test(2, tenant: "b"), .test(3, tenant: "c"),
          .test(4, tenant: "a", operation: "other"),
        ]))
    #expect(
      outcome.codes(4) == [0, 0, rejected(.tooManyTenants), rejected(.tooManyOperations)])
    #expect(world.ledger.quarantined.map(\.tenant) == ["c", "a"])
    // Nothing of a rejected record is remembered: it may come again.
    let second = TestBatch(sequence: 2, records: [.test(4, tenant: "a")])
    #expect(try world.judge(second).codes(1) == [0])
  }

  @Test(arguments: [1, 2, 3])
  func longestNamesAreTaken(context: Int) throws {
    let world = LedgerWorld()
    let name = String(repeating: "x", count: 252 + context)
    let batch = TestBatch(
      sequence: 1,
      records: [.test(1, tenant: name, operation: name, type: .project, context: name)])
    #expect(try world.judge(batch).codes(1) == [0])
    try world.flush(token: 1)
    #expect(world.postgres.rows.sums.keys.first?.subject.context == name)
    world.crash()
    try world.recover()
    #expect(try world.judge(batch).disposition == .resent)
    #expect(try world.fold(upTo: world.postgres.checkpoint) == world.postgres.rows)
  }

  @Test func aFullKeyIndexRefusesTheBatchAndKeepsAnswering() throws {
    var configuration = LedgerWorld.configuration()
    configuration.dedup.maximumKeys = 3
    let world = LedgerWorld(configuration)
    let first = TestBatch(sequence: 1, records: [.test(1), .test(2)])
    #expect(try world.judge(first).disposition == .judged)
    let next = TestBatch(sequence: 2, records: [.test(3), .test(4)])
    #expect(try world.judge(next).disposition == .refused(.keyIndexFull))
    #expect(try world.judge(first).disposition == .resent)
    #expect(world.ledger.counters.refusals == [.keyIndexFull: 1])
    #expect(try world.judge(TestBatch(sequence: 2, records: [.test(3)])).disposition == .judged)
  }

  @Test func unflushedRowsAreBounded() throws {
    var configuration = LedgerWorld.configuration()
    configuration.maximumUnflushedRows = 2
    let world = LedgerWorld(configuration)
    let rows = [UsageRecord.test(1), .test(2, operation: "other")]
    #expect(try world.judge(TestBatch(sequence: 1, records: rows)).disposition == .judged)
    let third = TestBatch(sequence: 2, records: [.test(3)])
    #expect(try world.judge(third).disposition == .refused(.flushBacklog))
    // What a flush under way holds still counts.
    let didBegin = world.ledger.beginFlush(token: 1)
    #expect(didBegin)
    #expect(try world.judge(third).disposition == .refused(.flushBacklog))
    try world.flush(token: 2)
    #expect(try world.judge(third).disposition == .judged)
    // More than the limit at once: refused beside others, taken alone.
    let large = TestBatch(
      sequence: 3, records: (4...6).map { .test($0, operation: "operation \($0)") })
    #expect(try world.judge(large).disposition == .refused(.flushBacklog))
    try world.flush(token: 3)
    #expect(try world.judge(large).disposition == .judged)
  }

  @Test func tooManyGapsAreRefused() throws {
    var configuration = LedgerWorld.configuration()
    configuration.gapsPerSource = 2
    let world = LedgerWorld(configuration)
    for sequence: UInt64 in [2, 4] {
      let batch = TestBatch(sequence: sequence, records: [.test(UInt128(sequence))])
      #expect(try world.judge(batch).disposition == .judged)
    }
    let sixth = TestBatch(sequence: 6, records: [.test(6)])
    #expect(try world.judge(sixth).disposition == .refused(.tooManyGaps))
    #expect(try world.judge(TestBatch(sequence: 3, records: [.test(3)])).disposition == .judged)
    #expect(try world.judge(sixth).disposition == .judged)
  }

  @Test func aSilentSourceGivesItsPlaceToANewOne() throws {
    var configuration = LedgerWorld.configuration()
    configuration.maximumSources = 2
    let world = LedgerWorld(configuration)
    func batch(_ name: String, _ sequence: UInt64) -> TestBatch {
      TestBatch(
        source: SourceIdentity(name: name, epoch: 1), sequence: sequence,
        records: [.test(UInt128(world.now) + UInt128(sequence), at: world.now)])
    }
    #expect(try world.judge(batch("a", 1)).disposition == .judged)
    #expect(try world.judge(batch("b", 1)).disposition == .judged)
    #expect(try world.judge(batch("c", 1)).disposition == .refused(.tooManySources))
    world.tick(after: configuration.dedup.window)
    #expect(try world.judge(batch("b", 2)).disposition == .judged)
    #expect(try world.judge(batch("c", 1)).disposition == .refused(.tooManySources))
    world.tick(after: 1)
    #expect(try world.judge(batch("c", 1)).disposition == .judged)
    #expect(try world.judge(batch("b", 2)).disposition == .resent)
    #expect(try world.judge(batch("a", 1)).disposition == .refused(.tooManySources))
  }

  @Test func copiesResentAndArchivedBatches() throws {
    var configuration = LedgerWorld.configuration()
    configuration.receiptDetails = 2
    let world = LedgerWorld(configuration)
    let first = TestBatch(sequence: 1, records: [.test(1), .test(1)])
    let outcomes = try world.judge([first, first])
    #expect(outcomes.map(\.disposition) == [.judged, .copy])
    let again = try world.judge(first)
    #expect(again.disposition == .resent)
    #expect(again.receipt == outcomes[0].receipt)
    for sequence: UInt64 in 2...3 {
      try world.judge(TestBatch(sequence: sequence, records: [.test(UInt128(sequence))]))
    }
    let archived = try world.judge(first)
    #expect(archived.disposition == .archived)
    #expect(archived.receipt.position >= outcomes[0].receipt.position)
    // Another epoch is another numbering: its batches are judged, their records known.
    var later = first
    later.source.epoch = 2
    let outcome = try world.judge(later)
    #expect(outcome.disposition == .judged)
    #expect(outcome.codes(2) == [1, 1])
  }

  @Test func theShellMayRefuseUsage() throws {
    let world = LedgerWorld()
    let batch = TestBatch(sequence: 1, records: [.test(1)])
    world.ledger.refusal = .diskReserve
    #expect(try world.judge(batch).disposition == .refused(.diskReserve))
    world.ledger.refusal = nil
    #expect(try world.judge(batch).disposition == .judged)
    world.ledger.refusal = .draining
    #expect(try world.judge(batch).disposition == .resent)
  }

  @Test func aHeartbeatTellsTheHighestSequence() throws {
    let world = LedgerWorld()
    let name = Array("agent-1".utf8)
    world.ledger.noteHeartbeat(source: name.span.raw, epoch: 1, highestIssued: 9)
    let highest = world.ledger.sources.snapshot().map(\.highestIssued)
    #expect(highest == [9])
  }
}
