import SegmentLog
import Testing
import Wire

@testable import Metering

/// What the ledger says of the holes in a source's numbering.
@Suite struct LedgerGapTests {
  private func batch(
    _ sequence: UInt64, of source: String = "agent-1", highest: UInt64? = nil
  ) -> TestBatch {
    TestBatch(
      source: SourceIdentity(name: source, epoch: 1), sequence: sequence,
      records: [.test(UInt128(sequence))], highest: highest)
  }

  @Test func anAckNamesWhatIsMissing() throws {
    let world = LedgerWorld()
    let first = try world.judge(batch(5, highest: 9))
    #expect(first.gaps == [1...4, 6...9])
    #expect(first.highestKnown == 9)
    let second = try world.judge(batch(7))
    #expect(second.gaps == [1...4, 6...6, 8...9])
    // Another copy says what is missing now.
    let again = try world.judge(batch(5, highest: 9))
    #expect(again.disposition == .resent && again.gaps == second.gaps)
    let rest = try world.judge([1, 2, 3, 4, 6, 8, 9].map { batch($0) })
    #expect(rest.allSatisfy { $0.gaps.isEmpty && $0.highestKnown == 9 })
    #expect(world.ledger.missing.isEmpty)
  }

  @Test func batchesOfOneGroupAreNotMissing() throws {
    let world = LedgerWorld()
    let outcomes = try world.judge([3, 1, 6].map { batch($0) } + [batch(2, of: "agent-2")])
    #expect(outcomes.map(\.gaps) == [[2...2, 4...5], [2...2, 4...5], [2...2, 4...5], [1...1]])
  }

  @Test func anAckNamesTheLowestGaps() throws {
    let world = LedgerWorld()
    let outcomes = try world.judge((1...40).map { batch(2 * $0) })
    let lowest = (0..<UInt64(WireLimits.maximumMissingRanges)).map { 2 * $0 + 1...2 * $0 + 1 }
    #expect(outcomes.allSatisfy { $0.gaps == lowest })
    let last = try world.judge(batch(81, highest: .max))
    #expect(last.gaps == lowest && last.highestKnown == .max)
  }

  @Test func aRefusalNamesNothing() throws {
    let world = LedgerWorld()
    try world.judge(batch(5))
    world.ledger.refusal = .diskReserve
    let outcome = try world.judge(batch(7))
    #expect(outcome.disposition == .refused(.diskReserve) && outcome.gaps.isEmpty)
  }

  @Test func theLastSourcesWithGapsAreNamed() throws {
    let world = LedgerWorld()
    #expect(world.ledger.sourceGaps(limit: 10).latest.isEmpty)
    for number in 1...5 {
      world.now += 1_000
      try world.judge(batch(5, of: "agent-\(number)", highest: 9))
    }
    try world.judge(batch(1, of: "whole"))
    let tail = Array("whole".utf8)
    world.ledger.noteHeartbeat(source: tail.span.raw, epoch: 1, highestIssued: 1)
    #expect(world.ledger.sourceCount == 6)
    let named = world.ledger.sourceGaps(limit: 3)
    #expect(named.count == 5)
    #expect(named.latest.map(\.source.name) == ["agent-5", "agent-4", "agent-3"])
    #expect(named.latest.allSatisfy { $0.missingCount == 8 && $0.first == 1...4 })
    #expect(world.ledger.sourceGaps(limit: 0).latest.isEmpty)
    // A heartbeat shows that the tail is missing.
    world.ledger.noteHeartbeat(source: tail.span.raw, epoch: 1, highestIssued: 3)
    let more = world.ledger.sourceGaps(limit: 10)
    #expect(more.count == 6)
    #expect(more.latest.first { $0.source.name == "whole" }?.first == 2...3)
  }

  @Test func aRecoveredLedgerKnowsThem() throws {
    let world = LedgerWorld()
    try world.judge(batch(5, highest: 9))
    world.sync()
    world.crash()
    try world.recover()
    #expect(world.ledger.sourceGaps(limit: 1).latest.first?.missingCount == 8)
    #expect(try world.judge(batch(6)).gaps == [1...4, 7...9])
  }
}
