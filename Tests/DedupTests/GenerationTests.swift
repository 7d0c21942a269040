import MemoryRuns
import SeededRandom
import Testing

@testable import Dedup

@Suite("Generations")
struct GenerationTests {
  /// Small generations over full-size tables.
  private func geometry(keys: Int, stash: Int = 4096) -> TableGeometry {
    var geometry = TableGeometry()
    geometry.keysPerShard = keys
    geometry.stashSlotsPerShard = stash
    geometry.minimumFilterKeys = 16
    return geometry
  }

  /// Keys that crowd into a few buckets, so that neighbours, stashes and full filter blocks are
  /// common: `spread` positions and `variants` keys at each.
  private func crowdedKeys(spread: Int, variants: Int) -> [KeyHash] {
    let buckets: [UInt64] = [0, 1, 2, 3, 0x7fff, 0x8000, 0xfffe, 0xffff]
    return buckets.prefix(spread).flatMap { bucket in
      (0..<variants).map { variant in
        var mix = SplitMix64(seed: bucket << 32 | UInt64(variant / 3))
        let hash = KeyHash(high: bucket << 48 | mix.next() >> 16, low: mix.next())
        // Three neighbours that differ in one bit that still decides, at either end.
        switch variant % 3 {
        case 0: return hash
        case 1: return KeyHash(high: hash.high, low: hash.low ^ 0x1_0000)
        default: return KeyHash(high: hash.high ^ 1, low: hash.low)
        }
      }
    }
  }

  @Test("one batch may fill several generations")
  func batchAcrossGenerations() {
    let limits = DedupLimits(window: 1000, maximumKeys: 10_000, generations: 4)
    let model = IndexModel(limits, geometry: geometry(keys: 10))
    var mix = SplitMix64(seed: 20)
    let keys = (0..<95).map { _ in
      PresentedKey(hash: KeyHash(high: mix.next(), low: mix.next()))
    }
    model.judge(keys + keys, at: 1000)
    #expect(model.counts == [.new: 95, .duplicate: 95])
    #expect(model.index.closing.count >= 3)
    model.check()
    model.settle()
    #expect(model.index.closing.isEmpty)
    model.judge(keys, at: 2000)
    #expect(model.counts == [.new: 95, .duplicate: 190])
    model.check()
  }

  @Test("neighbours in one bit are other keys, and equal upper 112 bits are one key, in each tier")
  func fingerprintNeighbours() {
    let base = KeyHash(high: 0x8000_1234_5678_9abc, low: 0x0fed_cba9_8765_4321)
    for tier in 0..<3 {
      let limits = DedupLimits(window: 1000, maximumKeys: 1000, generations: 2)
      let model = IndexModel(limits, geometry: geometry(keys: 100))
      #expect(model.answers([PresentedKey(hash: base)], at: 1000) == [.new])
      if tier > 0 { model.advance(to: 1500) }
      if tier > 1 { model.settle() }
      #expect(model.index.closing.count == (tier == 1 ? 1 : 0))
      #expect(model.index.runs.count == (tier == 2 ? 1 : 0))
      for bit in 0..<128 {
        let mask = UInt64(1) << UInt64(bit % 64)
        let other = KeyHash(
          high: bit < 64 ? base.high : base.high ^ mask,
          low: bit < 64 ? base.low ^ mask : base.low)
        let answer = model.answers([PresentedKey(hash: other, request: .probe)], at: 1500)
        #expect(answer == [bit < 16 ? .duplicate : .absent])
      }
    }
  }

  @Test("a generation that expires in any state of its sealing leaves nothing behind")
  func expiryDuringSealing() {
    let limits = DedupLimits(window: 1000, maximumKeys: 2000, generations: 4)
    var mix = SplitMix64(seed: 30)
    var steps = 0
    var isSettled = false
    while !isSettled {
      let model = IndexModel(limits, geometry: geometry(keys: 50))
      for batch in 0..<4 {
        let keys = (0..<40).map { _ in
          PresentedKey(hash: KeyHash(high: mix.next(), low: mix.next()))
        }
        model.judge(keys, at: 1000 + Int64(batch) * 300)
        if batch < 2 { model.settle() }
      }
      isSettled = false
      for _ in 0..<steps where !isSettled { isSettled = !model.step() }
      // The first, then the second and third generation leave in the middle of the work.
      for arrival: Int64 in [2001, 2601, 2901, 5000] {
        model.advance(to: arrival)
        _ = model.step()
        model.check()
      }
      model.settle()
      #expect(model.index.keyCount == 0 && model.index.statistics.generations == 0)
      // As small as a new one: a table of one shard and the least filter.
      #expect(model.index.statistics.bytes < 9 << 20)
      steps += 1
    }
    #expect(steps >= 20)
  }

  @Test("a piece of upkeep is out once, and one that comes too late changes nothing")
  func upkeepIsGivenOutOnce() throws {
    let limits = DedupLimits(window: 1000, maximumKeys: 2000, generations: 4)
    let model = IndexModel(limits, geometry: geometry(keys: 50))
    var mix = SplitMix64(seed: 31)
    model.judge(
      (0..<70).map { _ in PresentedKey(hash: KeyHash(high: mix.next(), low: mix.next())) },
      at: 1000)
    var pieces: [DedupUpkeep] = []
    while let piece = model.index.takeUpkeep(synced: .max) { pieces.append(piece) }
    #expect(pieces.count == 2)
    for piece in pieces { piece.perform() }
    model.advance(to: 5000)
    for piece in pieces.reversed() { model.index.finish(piece) }
    model.index.settle(synced: .max)
    #expect(model.index.keyCount == 0 && model.index.statistics.bytes < 9 << 20)
    model.check()
  }

  @Test("random histories agree with a dictionary", arguments: 0..<8 as Range<UInt64>)
  func randomHistory(seed: UInt64) {
    var mix = SplitMix64(seed: seed)
    let isCrowded = seed % 3 != 0
    let universe =
      isCrowded
      ? crowdedKeys(spread: 2 + Int(seed % 7), variants: 150)
      : (0..<1200).map { _ in KeyHash(high: mix.next(), low: mix.next()) }
    var geometry = geometry(keys: 60 + Int(seed) * 20, stash: 8 << Int(seed % 5))
    geometry.filterBitsPerKey = seed % 2 == 0 ? 12 : 1
    let limits = DedupLimits(
      window: 400 + Int64(seed) * 50, maximumKeys: geometry.keysPerShard * 16 * 2,
      generations: 1 + Int(seed % 9))
    let model = IndexModel(limits, geometry: geometry)
    var now: Int64 = 1000
    var mostRuns = 0
    for step in 0..<200 {
      if mix.next() % 10 != 0 { now += Int64(mix.next() % 30) }
      switch mix.next() % 8 {
      case 0...3:
        let keys = (0..<Int(mix.next() % 80)).map { _ in
          PresentedKey(
            hash: universe[Int(mix.next() % UInt64(universe.count))],
            payload: UInt16(mix.next() % 8 == 0 ? 2 : 1),
            request: [.admit, .admit, .admit, .probe, .skip][Int(mix.next() % 5)])
        }
        model.judge(keys, at: now)
      case 4: model.advance(to: now)
      case 5: for _ in 0..<mix.next() % 24 { _ = model.step() }
      default: _ = model.step()
      }
      if step % 20 == 0 { model.check() }
      mostRuns = max(mostRuns, model.index.runs.count)
    }
    #expect(mostRuns > 0)
    model.settle()
    model.check()
    for answer: DedupAnswer in [.new, .duplicate, .conflict, .absent, .skipped] {
      #expect(model.counts[answer, default: 0] > 0)
    }
  }

  @Test("the same calls give the same answers, whenever upkeep is done")
  func upkeepIsInvisible() {
    let limits = DedupLimits(window: 500, maximumKeys: 4000, generations: 5)
    var transcripts: Set<[DedupAnswer]> = []
    for upkeep in 0..<4 {
      var mix = SplitMix64(seed: 40)
      let universe = crowdedKeys(spread: 8, variants: 120)
      let model = IndexModel(limits, geometry: geometry(keys: 150, stash: 32))
      var transcript: [DedupAnswer] = []
      for step in 0..<80 {
        let keys = (0..<40).map { _ in
          PresentedKey(
            hash: universe[Int(mix.next() % UInt64(universe.count))],
            payload: UInt16(mix.next() % 4))
        }
        transcript += model.answers(keys, at: 1000 + Int64(step) * 17)
        if upkeep == 1 { model.settle() }
        if upkeep == 2 { _ = model.step() }
        if upkeep == 3, step % 9 == 0 { model.settle() }
      }
      transcripts.insert(transcript)
    }
    #expect(transcripts.count == 1)
  }

  @Test("a key that is renewed in the generation that has it stays from then on, as it is then")
  func renewalInOneGeneration() {
    let limits = DedupLimits(window: 1000, maximumKeys: 1000, generations: 1)
    let model = IndexModel(limits, geometry: geometry(keys: 50))
    let hash = KeyHash(high: 7 << 48, low: 9 << 32)
    #expect(model.answers([PresentedKey(hash: hash, payload: 1)], at: 1000) == [.new])
    let again = PresentedKey(hash: hash, payload: 2, request: .renew)
    #expect(model.answers([again], at: 1400) == [.new])
    let probes = [1, 2].map { PresentedKey(hash: hash, payload: $0, request: .probe) }
    for _ in 0..<2 {
      #expect(model.answers(probes, at: 2400) == [.conflict, .duplicate])
      model.settle()
    }
    #expect(model.answers(probes, at: 2401) == [.absent, .absent])
  }

  @Test("of a key that stands in several generations the newest payload counts, in each tier")
  func newestPayload() {
    let limits = DedupLimits(window: 1000, maximumKeys: 1000, generations: 2)
    let model = IndexModel(limits, geometry: geometry(keys: 50))
    let hash = KeyHash(high: 7 << 48, low: 9 << 32)
    for payload in 1...3 as ClosedRange<UInt16> {
      let key = PresentedKey(hash: hash, payload: payload, request: .renew)
      #expect(model.answers([key], at: 1000) == [.new])
    }
    model.advance(to: 1500)
    let probes = (1...3).map { PresentedKey(hash: hash, payload: $0, request: .probe) }
    #expect(model.index.closing.count == 3)
    #expect(model.answers(probes, at: 1500) == [.conflict, .conflict, .duplicate])
    model.settle()
    #expect(model.index.runs.count == 3)
    #expect(model.answers(probes, at: 1500) == [.conflict, .conflict, .duplicate])
  }

  @Test("a renewed key stays for a window from its renewal, a repeated one does not")
  func renewal() throws {
    func answer(_ request: DedupRequest, thenProbeAt probe: Int64) throws -> [UInt8] {
      let limits = DedupLimits(window: 1000, maximumKeys: 10_000, generations: 2)
      var index = DedupIndex(
        limits: limits, owner: .sample, store: MemoryRunStore(), startingAt: 1000)
      let hashes = [KeyHash(high: 7 << 48, low: 9 << 32)]
      let payloads: [UInt16] = [1]
      var answers: [UInt8] = []
      let steps: [(DedupRequest, Int64)] = [(.admit, 1000), (request, 1999), (.probe, probe)]
      for (step, arrival) in steps {
        let requests = [step.rawValue]
        var one: [UInt8] = [0]
        var room = one.mutableSpan
        try index.judge(
          hashes: hashes.span, payloads: payloads.span, requests: requests.span,
          arrival: arrival, front: .beginning, answers: &room)
        answers.append(one[0])
      }
      return answers
    }
    let (new, duplicate) = (DedupAnswer.new.rawValue, DedupAnswer.duplicate.rawValue)
    #expect(try answer(.renew, thenProbeAt: 2900) == [new, new, duplicate])
    #expect(try answer(.admit, thenProbeAt: 2900) == [new, duplicate, DedupAnswer.absent.rawValue])
  }
}
