import SeededRandom
import Testing

@testable import Dedup

@Suite("Split-block Bloom filter")
struct BloomFilterTests {
  private func randomHashes(_ count: Int, seed: UInt64) -> [KeyHash] {
    var mix = SplitMix64(seed: seed)
    return (0..<count).map { _ in KeyHash(high: mix.next(), low: mix.next()) }
  }

  @Test("it forgets no key, and at its capacity one stranger in 250 passes")
  func rates() {
    let filter = SplitBlockBloomFilter(capacity: 20_000, bitsPerKey: 12)
    let known = randomHashes(20_000, seed: 5).map { KeyIdentity($0) }
    for key in known { filter.insert(position: key.position, bits: key.filterBits) }
    for key in known where !filter.mayContain(position: key.position, bits: key.filterBits) {
      Issue.record("forgotten")
    }
    let strangers = randomHashes(50_000, seed: 6).map { KeyIdentity($0) }
    let passed = strangers.count { filter.mayContain(position: $0.position, bits: $0.filterBits) }
    #expect(passed < 50_000 / 100)
    #expect(passed > 50_000 / 1000)
    let fill = filter.sampledFill(blocks: 200)
    #expect(fill > 0.3 && fill < 0.6)
  }

  @Test("the bits of a block are those of the format specification")
  func specification() {
    let filter = SplitBlockBloomFilter(capacity: 1, bitsPerKey: 12)
    #expect(filter.blockCount == 1)
    filter.insert(position: 0, bits: 1)
    // The bits are 1, so each word's bit is the upper five bits of its salt.
    let salts: [UInt32] = [
      0x47b6_137b, 0x4497_4d91, 0x8824_ad5b, 0xa2b7_289d,
      0x7054_95c7, 0x2df1_424b, 0x9efc_4947, 0x5c6b_fb31,
    ]
    for (word, salt) in salts.enumerated() {
      let stored = unsafe filter.memory.base.load(fromByteOffset: word * 4, as: UInt32.self)
      #expect(stored == 1 << (salt >> 27))
    }
  }

  @Test("a filter that always says maybe changes no answer")
  func forcedMaybe() {
    var geometry = TableGeometry()
    geometry.keysPerShard = 800
    geometry.filterBitsPerKey = 0  // One block for a slice.
    geometry.runFilterBitsPerKey = 0  // One block for a run.
    geometry.smallRunFilterBitsPerKey = 0
    let limits = DedupLimits(window: 1000, maximumKeys: 600, generations: 4)
    let model = IndexModel(limits, geometry: geometry)
    let hashes = randomHashes(12_000, seed: 9)
    for start in stride(from: 0, to: 12_000, by: 1000) {
      model.judge(hashes[start..<start + 1000].map { PresentedKey(hash: $0) }, at: 1000)
      model.settle()
    }
    #expect(model.index.runs.count > 1)
    #expect(model.index.statistics.filterFill > 0.99)
    let strangers = randomHashes(1000, seed: 10)
    model.judge(strangers.map { PresentedKey(hash: $0, request: .probe) }, at: 1500)
    model.judge(hashes.map { PresentedKey(hash: $0) }, at: 1500)
    #expect(model.counts == [.new: 12_000, .absent: 1000, .duplicate: 12_000])
    model.check()
  }
}
