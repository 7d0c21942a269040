import SeededRandom
import Testing
import Wire

@testable import Metering

@Suite("Gaps keep periods open until they are given up")
struct LedgerAcceptanceTests {
  private let hour: Int64 = 3_600_000
  private let agent = SourceIdentity(name: "agent-1", epoch: 1)

  /// January is over and flushed; sequences 2 and 4 are missing.
  private func world() throws -> LedgerWorld {
    let world = LedgerWorld()
    try world.judge(TestBatch(sequence: 1, records: [.test(1), .test(2, tenant: "other")]))
    try world.judge(TestBatch(sequence: 3, records: [.test(3)], highest: 4))
    world.tick(after: 3 * hour)
    try world.flush(token: 1)
    return world
  }

  private func order(_ world: LedgerWorld, _ reason: String?) -> FinalizeOrder {
    FinalizeOrder(
      period: .january, operatorName: "olga", run: 7, acceptsGaps: reason,
      closed: world.ledger.closedHours)
  }

  @Test func aGapIsNamedAndNothingChanges() throws {
    let world = try world()
    let end = world.ledger.end
    let gaps = [AcceptedGaps(source: agent, missing: [2...2, 4...4])]
    let expected = FinalizeRefusal.gapsOpen(PeriodBounds(monthOf: .january), gaps)
    #expect(throws: expected) { try world.finalize(.january, "acme") }
    #expect(expected.description.contains("2, 4 of source agent-1, epoch 1"))
    #expect(throws: expected) { _ = try world.ledger.plan(order(world, nil), tenant: "acme") }
    let plan = try world.ledger.plan(order(world, "gone"), tenant: "acme")
    #expect(plan.gaps == gaps && world.ledger.end == end)
  }

  @Test func gapsAreReadableWhateverTheirLength() {
    let ranges: [ClosedRange<UInt64>] = [7...7, 9...UInt64.max, 1...2, 3...4]
    let gaps = (1...5).map {
      AcceptedGaps(source: SourceIdentity(name: "s\($0)", epoch: .max), missing: ranges)
    }
    let range = "7, 9 to \(UInt64.max), 1 to 2 and more of source s"
    #expect(Array(gaps.prefix(1)).text == "\(range)1, epoch \(UInt64.max)")
    #expect(gaps.text.hasSuffix("; \(range)3, epoch \(UInt64.max); and 2 more sources"))
  }

  @Test func theAcceptanceIsLoggedOnceWithWhoAndWhy() throws {
    let world = try world()
    let results = world.ledger.finalize(
      order(world, "disk lost"), tenants: ["acme", "none", "other"])
    world.take()
    #expect(results[1] == .failure(.unknownTenant("none")))
    let (first, last) = (try results[0].get(), try results[2].get())
    #expect(first.acceptance == last.acceptance && first.run == 7 && first.operatorName == "olga")
    try world.flush(token: 2)
    let acceptance = try #require(world.postgres.acceptances.first)
    #expect(world.postgres.acceptances.count == 1 && acceptance.position == first.acceptance)
    #expect(acceptance.reason == "disk lost" && acceptance.operatorName == "olga")
    #expect(acceptance.gaps == [AcceptedGaps(source: agent, missing: [2...2, 4...4])])
  }

  @Test(arguments: [false, true])
  func whatWasGivenUpKeepsNothingOpen(afterCrash: Bool) throws {
    let world = try world()
    try world.finalize(.january, "acme", accepting: "gone")
    world.sync()
    if afterCrash {
      world.crash()
      try world.recover()
    }
    try world.flush(token: 2)
    #expect(try world.finalize(.january, "other").acceptance == nil)
    // A batch that was given up may still come.
    let came = try world.judge(TestBatch(sequence: 4, records: [.test(9, at: world.now)]))
    #expect(came.outcome.disposition == .judged)
    for _ in 0..<4 { world.tick(after: 7 * 24 * hour) }
    try world.judge(TestBatch(sequence: 6, records: [.test(6, at: world.now)]))
    world.tick(after: 7 * 24 * hour)
    try world.flush(token: 3)
    let gaps = [AcceptedGaps(source: agent, missing: [5...5])]
    #expect(throws: FinalizeRefusal.gapsOpen(PeriodBounds(monthOf: .february), gaps)) {
      try world.finalize(.february, "acme")
    }
  }

  @Test func aGapThatCameAfterThePeriodIsNotInItsWay() throws {
    let world = LedgerWorld()
    try world.judge(TestBatch(sequence: 1, records: [.test(1)]))
    world.tick(after: 3 * hour)
    try world.judge(TestBatch(sequence: 2, records: [.test(2, tenant: "other", at: world.now)]))
    try world.judge(TestBatch(sequence: 4, records: [.test(4, tenant: "other", at: world.now)]))
    try world.flush(token: 1)
    #expect(try world.finalize(.january, "acme").acceptance == nil)
  }

  @Test func rangesWithoutOthersAreWhatANaiveSetSays() {
    var random = SplitMix64(seed: 3)
    func ranges() -> [ClosedRange<UInt64>] {
      var ranges: [ClosedRange<UInt64>] = []
      var next: UInt64 = UInt64.random(in: 0...3, using: &random)
      for _ in 0..<Int.random(in: 0...6, using: &random) {
        let end = next + UInt64.random(in: 0...4, using: &random)
        ranges.append(next...end)
        next = end + 2 + UInt64.random(in: 0...3, using: &random)
      }
      return ranges
    }
    func members(_ ranges: [ClosedRange<UInt64>]) -> Set<UInt64> { Set(ranges.joined()) }
    for _ in 0..<2_000 {
      let (left, right) = (ranges(), ranges())
      #expect(members(left.without(right)) == members(left).subtracting(members(right)))
      let joined = left.joined(right)
      #expect(members(joined) == members(left).union(members(right)))
      #expect(zip(joined, joined.dropFirst()).allSatisfy { $0.upperBound + 1 < $1.lowerBound })
    }
    let all: [ClosedRange<UInt64>] = [0...(.max)]
    #expect(all.without([0...(.max)]).isEmpty && all.joined([5...5]) == all)
  }
}
