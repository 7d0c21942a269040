import Dedup
import Testing
import Wire

@testable import Metering

/// Several partitions give every batch the verdicts that one would give it.
@Suite struct PartitionsTests {
  @Test(arguments: [1, 4, 8])
  func verdictsAreThoseOfOne(partitions: Int) throws {
    var seen: Set<PartitionsHistory.Seen> = []
    for seed in 0..<25 as Range<UInt64> {
      var history = PartitionsHistory(seed: seed, partitions: partitions)
      seen.formUnion(try history.run(steps: 30))
    }
    var wanted = Set(PartitionsHistory.Seen.allCases)
    if partitions == 1 { wanted.remove(.emptyPart) }
    #expect(seen == wanted)
  }

  /// The assignment stands in every log: it can never change.
  @Test func tenantsStayWhereTheyAre() {
    let tenants = TenantPartitions(64, secret: HashSecret(k0: 7, k1: 9))
    let names = ["acme", "globex", "", "tenant-1", "Ωμέγα"]
    #expect(names.map { tenants.partition(ofTenant: $0) } == [52, 47, 6, 8, 12])
    #expect(TenantPartitions(1, secret: HashSecret(k0: 7, k1: 9)).partition(ofTenant: "acme") == 0)
  }

  @Test func tenantsAreSpread() {
    let tenants = TenantPartitions(8, secret: HashSecret(k0: 1, k1: 2))
    var counts = [Int](repeating: 0, count: 8)
    for number in 0..<8_000 { counts[tenants.partition(ofTenant: "tenant-\(number)")] += 1 }
    #expect(counts.allSatisfy { (850...1_150).contains($0) }, "\(counts)")
  }

  /// A partition without room refuses only batches with records of its own.
  @Test(arguments: [RefusalReason.keyIndexFull, .flushBacklog])
  func wantOfRoomStopsOnlyItsOwnTenants(reason: RefusalReason) throws {
    var configuration = LedgerWorld.configuration()
    if reason == .keyIndexFull {
      configuration.dedup.maximumKeys = 1
    } else {
      configuration.maximumUnflushedRows = 1
    }
    let world = LedgerWorld(configuration)
    try world.judge(TestBatch(sequence: 1, records: [.test(1)]))
    var group = UsageColumns()
    try group.append([
      TestBatch(sequence: 2, records: [.test(2, context: "b")]),
      TestBatch(sequence: 3, records: [.test(3, tenant: "elsewhere")]),
    ])
    var split = UsageSplit(parts: 2)
    split.divide(group) { $0.byteCount == "elsewhere".utf8.count ? 1 : 0 }
    var part = UsageColumns()
    split.fill(0, of: group, into: &part)
    world.judge(part)
    #expect(world.ledger.outcomes.map(\.disposition) == [.refused(reason), .judged])
    #expect(world.ledger.counters.batches == 2)
    world.ledger.refusal = .diskReserve
    world.judge(part)
    #expect(
      world.ledger.outcomes.map(\.disposition) == [.refused(.diskReserve), .resent])
  }
}
