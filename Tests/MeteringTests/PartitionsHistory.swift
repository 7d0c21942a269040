import Dedup
import SeededRandom
import Testing
import Wire

@testable import Metering

/// One random history that two installations live through: one with several partitions, and one
/// with a single one that tells what must come of it.
struct PartitionsHistory: DeliveredHistory {
  private let seed: UInt64
  var random: SplitMix64
  private let single: LedgerWorld
  private let worlds: [LedgerWorld]
  private let tenants: TenantPartitions
  private var sequences: [SourceIdentity: UInt64] = [:]
  var sent: [TestBatch] = []
  private var records: [UsageRecord] = []
  private var nextKey: UInt128 = 1
  private var nextToken: UInt128 = 1
  private var seen: Set<Seen> = []

  /// What a history must meet, all histories of a test together.
  enum Seen: Hashable, CaseIterable {
    case resent, copy, duplicate, conflict, late, rejected, gap, emptyPart
  }

  init(seed: UInt64, partitions: Int) {
    self.seed = seed
    random = SplitMix64(seed: seed)
    single = LedgerWorld(Self.configuration)
    var identity = LedgerWorld.identity()
    identity.partitionCount = UInt16(partitions)
    worlds = (0..<partitions).map { number in
      identity.partition = UInt16(number)
      return LedgerWorld(Self.configuration, identity: identity)
    }
    tenants = TenantPartitions(partitions, secret: identity.secret)
  }

  private static var configuration: LedgerConfiguration {
    var configuration = LedgerWorld.configuration()
    configuration.contextsPerTenant = 3
    configuration.dedup.window = 200 * 24 * Hour.milliseconds
    return configuration
  }

  /// Lives through some steps, and compares what is folded in the end.
  ///
  /// - Returns: what the history met.
  mutating func run(steps: Int) throws -> Set<Seen> {
    for _ in 0..<steps {
      switch roll(12) {
      case 0..<9: try judge()
      case 9: finalize()
      case 10: try restart()
      default: for world in worlds + [single] { world.tick(after: 60_000) }
      }
    }
    try compareSums()
    return seen
  }

  private mutating func judge() throws {
    let group = deliver(upTo: 4)
    let expected = try single.judge(group)
    let merge = try divided(group)
    try #require(merge.outcomes.map(\.frame) == Array(group.indices), "seed \(seed)")
    for (batch, (outcome, expected)) in zip(group, zip(merge.outcomes, expected)) {
      try #require(outcome.disposition == expected.disposition, "seed \(seed)")
      try #require(outcome.highestKnown == expected.highestKnown, "seed \(seed)")
      let gaps = Array(merge.missing[outcome.missing])
      try #require(gaps == expected.gaps, "seed \(seed)")
      if !gaps.isEmpty { seen.insert(.gap) }
      switch outcome.disposition {
      case .judged, .resent:
        try #require(outcome.receipt.counts == expected.receipt.counts, "seed \(seed)")
        try #require(outcome.receipt.counts.total == UInt64(batch.recordCount), "seed \(seed)")
        try #require(outcome.receipt.arrival == expected.receipt.arrival, "seed \(seed)")
        try #require(
          Array(merge.exceptions[outcome.exceptions]) == expected.exceptions, "seed \(seed)")
        if outcome.disposition == .resent { seen.insert(.resent) }
        note(outcome.receipt.counts)
      case .copy: seen.insert(.copy)
      case .archived, .refused: Issue.record("\(outcome.disposition), seed \(seed)")
      }
    }
  }

  private mutating func note(_ counts: VerdictCounts) {
    if counts.duplicate > 0 { seen.insert(.duplicate) }
    if counts.conflict > 0 { seen.insert(.conflict) }
    if counts.late > 0 { seen.insert(.late) }
    if counts.rejected > 0 { seen.insert(.rejected) }
  }

  /// Has every partition judge its part of a group, and merges what came of it.
  private mutating func divided(_ group: [TestBatch]) throws -> PartOutcomes {
    var columns = UsageColumns()
    try columns.append(group)
    var split = UsageSplit(parts: worlds.count)
    split.divide(columns) { tenants.partition(ofTenant: $0) }
    var parts: [PartOutcomes] = []
    var part = UsageColumns()
    for (number, world) in worlds.enumerated() {
      split.fill(number, of: columns, into: &part)
      if part.count == 0 { seen.insert(.emptyPart) }
      world.judge(part)
      var outcomes = PartOutcomes()
      outcomes.take(from: world.ledger)
      parts.append(outcomes)
    }
    var merge = OutcomeMerge()
    merge.merge(parts, of: columns)
    return merge.merged
  }

  mutating func newBatch() -> TestBatch {
    let source = SourceIdentity(name: "agent-\(roll(3))", epoch: 1)
    let sequence = sequences[source, default: 0] + (roll(6) == 0 ? 3 : 1)
    sequences[source] = sequence
    var batch = TestBatch(source: source, sequence: sequence, records: [])
    for _ in 0...roll(12) { batch.records.append(newRecord()) }
    batch.hasInvalid = roll(6) == 0
    if batch.hasInvalid { batch.records[0].time = Timestamp(milliseconds: single.now) }
    return batch
  }

  private mutating func newRecord() -> UsageRecord {
    if roll(4) == 0, var old = records.randomElement(using: &random) {
      if roll(3) == 0 { old.quantity += 1 }
      return old
    }
    // 33 days ago was another month; a hundred are more than is accepted.
    let age = [0, 0, 0, 1, 33, 100][roll(6)] * 24 * Hour.milliseconds
    let record = UsageRecord.test(
      nextKey, tenant: "tenant-\(roll(9))", kind: UsageKind.allCases[roll(3)],
      operation: "op-\(roll(4))", type: ContextType.allCases[roll(4)],
      context: roll(3) == 0 ? "" : "context-\(roll(5))", at: single.now - age,
      quantity: Int64(roll(1_000)))
    nextKey += 1
    records.append(record)
    return record
  }

  private func finalize() {
    let last = BillingPeriod(containing: Timestamp(milliseconds: single.now)).previous
    guard let last else { return }
    for world in worlds + [single] {
      world.ledger.flushedClosedThrough = last.lastHour
      world.ledger.closedThrough = last.lastHour
    }
    for tenant in (0..<9).map({ "tenant-\($0)" }) {
      let owner = worlds[tenants.partition(ofTenant: tenant)]
      let expected = Self.finalize(last, tenant, in: single)
      #expect(Self.finalize(last, tenant, in: owner) == expected, "seed \(seed)")
    }
  }

  private static func finalize(
    _ period: BillingPeriod, _ tenant: String, in world: LedgerWorld
  ) -> FinalizeRefusal? {
    do throws(FinalizeRefusal) {
      try world.finalize(period, tenant, accepting: "test")
      return nil
    } catch {
      return error
    }
  }

  /// Loses nothing: everything that was told is synced.
  private func restart() throws {
    for world in worlds + [single] {
      world.sync()
      try world.recover()
    }
  }

  private func compareSums() throws {
    var sums = PostgresModel.Rows()
    for world in worlds {
      world.sync()
      for (key, row) in try world.fold(upTo: world.ledger.end).sums {
        #expect(sums.sums.updateValue(row, forKey: key) == nil, "seed \(seed)")
      }
    }
    single.sync()
    let expected = try single.fold(upTo: single.ledger.end)
    #expect(sums.sums == expected.sums, "seed \(seed)")
  }
}
