import Metering
import SeededRandom
import Testing

@Suite("Contexts of tenants")
struct NamesTenantContextsTests {
  private struct Pair: Hashable {
    var tenant: UInt32
    var context: UInt32
  }

  @Test("Random pairs agree with a set and two counters", arguments: [0, 1, 3, 40])
  func model(_ limitPerTenant: Int) {
    var random = SplitMix64(seed: 8)
    var contexts = TenantContexts(limitPerTenant: limitPerTenant, limit: 500, seed: 9)
    var model: Set<Pair> = []
    var order: [Pair] = []
    var counts: [UInt32: Int] = [:]
    for _ in 0..<20_000 {
      let pair = Pair(
        tenant: .random(in: 0..<50, using: &random), context: .random(in: 0..<60, using: &random))
      let isKnown = model.contains(pair)
      let hasRoom = model.count < 500 && counts[pair.tenant, default: 0] < limitPerTenant
      #expect(contexts.admit(tenant: pair.tenant, context: pair.context) == (isKnown || hasRoom))
      if !isKnown && hasRoom {
        model.insert(pair)
        order.append(pair)
        counts[pair.tenant, default: 0] += 1
      }
    }
    #expect(contexts.count == model.count)
    for tenant in 0..<60 as Range<UInt32> {
      #expect(contexts.count(ofTenant: tenant) == counts[tenant, default: 0])
    }
    var listed: [Pair] = []
    contexts.forEach { listed.append(Pair(tenant: $0, context: $1)) }
    #expect(listed == order)
  }

  @Test("The pair (a, b) is not the pair (b, a)")
  func order() {
    var contexts = TenantContexts(limitPerTenant: 1, limit: 10, seed: 0)
    #expect(contexts.admit(tenant: 1, context: 2) == true)
    #expect(contexts.admit(tenant: 2, context: 1) == true)
    #expect(contexts.admit(tenant: 2, context: 2) == false)
    #expect(contexts.admit(tenant: 2, context: 1) == true)
    #expect(contexts.count == 2)
  }

  /// Found by search: with this seed the two pairs of a row agree in all bits that an index keeps.
  @Test("Pairs that the index cannot tell apart are two pairs")
  func collisions() {
    let found: [(Pair, Pair)] = [
      (Pair(tenant: 160, context: 1114), Pair(tenant: 182, context: 636)),
      (Pair(tenant: 226, context: 1330), Pair(tenant: 330, context: 947)),
      (Pair(tenant: 709, context: 343), Pair(tenant: 822, context: 203)),
    ]
    var contexts = TenantContexts(limitPerTenant: 5, limit: 100, seed: 25)
    for (left, right) in found {
      #expect(contexts.admit(tenant: left.tenant, context: left.context) == true)
      #expect(contexts.admit(tenant: right.tenant, context: right.context) == true)
    }
    #expect(contexts.count == 6)
  }
}
