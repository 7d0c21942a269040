import MemoryRuns
import Testing

@testable import Dedup

extension KeyHash {
  /// One of many hashes that have nothing in common.
  fileprivate static func sample(_ number: UInt64) -> KeyHash {
    KeyHash(high: number &* 0x9E37_79B9_7F4A_7C15, low: ~number &* 0xC2B2_AE3D_27D4_EB4F)
  }
}

@Suite("Limits of a dedup index")
struct LimitTests {
  @Test("the limit that is reached first decides")
  func capacity() {
    #expect(DedupLimits().capacity == (1_000_000_000, .keys))
    let memory = DedupLimits(maximumMemory: 1 << 30).capacity
    #expect(memory.bound == .memory && memory.keys > (768 << 20) / 3)
    let disk = DedupLimits(maximumDisk: 8 << 30).capacity
    #expect(disk == ((7 << 30) / 18, .disk))
    let least = DedupLimits(
      maximumMemory: DedupLimits.leastMemory, maximumDisk: DedupLimits.leastDisk)
    #expect(least.capacity.keys > 3_000_000)
  }

  @Test("tables take at most a quarter of the memory, or four of the least size")
  func tableMemory() {
    let geometry = TableGeometry()
    for memory in [64 << 20, 200 << 20, 1 << 30, 4 << 30, 1 << 40] {
      let limits = DedupLimits(maximumKeys: .max, maximumMemory: memory)
      let least = 4 * (8 << 20) + 4 * 4096 * 18
      #expect(geometry.tableMemory(limits) <= max(memory / 4, least))
      #expect(geometry.maximumShards(limits) <= 4096)
    }
  }

  @Test("while closed tables wait to be sealed there is room for two of them")
  func waitingTables() {
    var geometry = TableGeometry()
    geometry.keysPerShard = 100
    let model = IndexModel(DedupLimits(window: 1_000), geometry: geometry)
    #expect(geometry.maximumShards(model.limits) > 2)
    var next: UInt64 = 0
    while model.hasRoom(for: 50) {
      model.judge((next..<next + 50).map { PresentedKey(hash: .sample($0)) }, at: 1_000)
      next += 50
      #expect(next < 100_000)
    }
    let waiting = model.index.closing.reduce(model.index.active.shards) { $0 + $1.table.shards }
    #expect(waiting > 2 * geometry.maximumShards(model.limits))
    #expect(model.index.keyCount < model.index.capacity)
    model.settle()
    #expect(model.hasRoom(for: 50))
  }

  @Test("runs are not merged where the disk has no room for both")
  func mergeNeedsDisk() throws {
    var geometry = TableGeometry()
    geometry.keysPerShard = 20_000
    var limits = DedupLimits(window: 1_000_000, maximumKeys: 400_000)
    func runs(after keys: Int) -> Int {
      let model = IndexModel(limits, geometry: geometry)
      for first in stride(from: 0, to: keys, by: 20_000) {
        let batch = (first..<first + 20_000).map { PresentedKey(hash: .sample(UInt64($0))) }
        model.judge(batch, at: 1_000 + Int64(first))
        model.settle()
      }
      return model.index.runs.count
    }
    #expect(runs(after: 200_000) < 9)
    limits.maximumDisk = 1_000_000
    #expect(runs(after: 200_000) == 9)
  }
}

@Suite("Forecast of a dedup index")
struct ForecastTests {
  /// An index of 100 keys and a window of 100 minutes, in ten generations.
  private func model() -> IndexModel {
    IndexModel(DedupLimits(window: 6_000_000, maximumKeys: 100, generations: 10), now: 0)
  }

  private func feed(_ model: IndexModel, _ keys: Range<UInt64>, at arrival: Int64) {
    model.judge(keys.map { PresentedKey(hash: .sample($0)) }, at: arrival)
  }

  @Test("nothing came, nothing fills")
  func empty() {
    #expect(model().index.forecast == DedupForecast(keysPerSecond: 0, timeLeft: nil))
  }

  @Test("what is left at the rate of the last ten minutes")
  func fills() {
    let model = model()
    // 2 keys a minute for 20 minutes; 60 more fit in half an hour.
    for minute in 0..<UInt64(20) {
      feed(model, minute * 2..<minute * 2 + 2, at: Int64(minute + 1) * 60_000)
    }
    let left = model.index.forecast.timeLeft
    #expect(left != nil && left! > 26 * 60_000 && left! < 31 * 60_000)
  }

  @Test("keys that leave in time make room")
  func settles() {
    let model = model()
    // Half a key a minute: 50 keys in a window.
    for key in UInt64(0)..<200 {
      feed(model, key..<key + 1, at: Int64(key) * 120_000)
      model.settle()
      // The first minutes are too short to tell.
      #expect(key < 5 || model.index.forecast.timeLeft == nil, "key \(key)")
    }
  }

  @Test("a burst is taken over a minute at least")
  func burst() {
    let model = model()
    feed(model, 0..<60, at: 1)
    #expect(model.index.forecast == DedupForecast(keysPerSecond: 1, timeLeft: 40_000))
  }

  @Test("few keys and room for very many are far away, and nothing overflows")
  func farAway() {
    let year: Int64 = 365 * 86_400_000
    let limits = DedupLimits(
      window: 10 * year, maximumKeys: 100_000_000_000, maximumMemory: 1 << 40,
      maximumDisk: 1 << 50, generations: 2)
    // Room times milliseconds takes 63, 64 and 74 bits.
    for arrival in [80_000_000, 130_000_000, 4 * year] {
      let model = IndexModel(limits, now: 0)
      feed(model, 0..<1, at: 0)
      model.advance(to: arrival)
      #expect(model.index.forecast == DedupForecast(keysPerSecond: 0, timeLeft: nil))
    }
  }

  @Test("full is now")
  func full() {
    let model = model()
    feed(model, 0..<100, at: 1)
    #expect(model.index.forecast.timeLeft == 0)
    feed(model, 100..<101, at: 1)
    #expect(model.index.forecast.timeLeft == 0)
  }
}
