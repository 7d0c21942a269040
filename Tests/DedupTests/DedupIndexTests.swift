import MemoryRuns
import SeededRandom
import Testing

@testable import Dedup

private func key(
  _ number: UInt64, payload: UInt16 = 1, _ request: DedupRequest = .admit
)
  -> PresentedKey
{
  var mix = SplitMix64(seed: number)
  return PresentedKey(
    hash: KeyHash(high: mix.next(), low: mix.next()), payload: payload, request: request)
}

@Suite("Dedup index")
struct DedupIndexTests {
  private let limits = DedupLimits(window: 1000, maximumKeys: 100, generations: 10)

  @Test("each request has its answer, in the order of the batch")
  func requests() {
    let model = IndexModel(limits)
    let batch = [
      key(1, .probe), key(1), key(1), key(1, payload: 2), key(1, .probe),
      key(1, payload: 3, .probe), key(2, .skip), key(2, .probe), key(2, payload: 9), key(2),
    ]
    let answers = model.answers(batch, at: 1000)
    #expect(
      answers == [
        .absent, .new, .duplicate, .conflict, .duplicate, .conflict, .skipped, .absent, .new,
        .conflict,
      ])
    #expect(model.index.keyCount == 2)
  }

  @Test("an empty batch is a batch")
  func emptyBatch() {
    let model = IndexModel(limits)
    #expect(model.answers([], at: 5000).isEmpty)
    #expect(!model.step())
  }

  @Test("a conflict does not replace the first payload")
  func firstPayloadStands() {
    let model = IndexModel(limits)
    model.judge([key(1, payload: 7), key(1, payload: 8), key(1, payload: 7)], at: 1000)
    model.settle()
    model.judge([key(1, payload: 8), key(1, payload: 7)], at: 1100)
    #expect(model.counts == [.new: 1, .conflict: 2, .duplicate: 2])
  }

  @Test("a key is known to the last millisecond of the window and leaves with its generation")
  func windowIsExact() {
    for isSealed in [false, true] {
      let model = IndexModel(limits)
      model.judge([key(1)], at: 1000)
      model.judge([key(2)], at: 1099)
      model.judge([key(3)], at: 1100)  // The next generation: the first one is 100 old.
      if isSealed { model.settle() }
      let ask = [key(1, .probe), key(2, .probe), key(3, .probe)]
      #expect(model.answers(ask, at: 2000) == [.duplicate, .duplicate, .duplicate])
      #expect(model.answers(ask, at: 2099) == [.duplicate, .duplicate, .duplicate])
      #expect(model.answers(ask, at: 2100) == [.absent, .absent, .duplicate])
      #expect(model.answers(ask, at: 2101) == [.absent, .absent, .absent])
      #expect(model.index.keyCount == 0)
      model.check()
    }
  }

  @Test("time does not run backwards, and a wild one neither traps nor wraps")
  func wildTimes() {
    let model = IndexModel(limits)
    #expect(model.answers([key(1)], at: 1000) == [.new])
    #expect(model.answers([key(1)], at: .min) == [.duplicate])
    #expect(model.index.now == 1000)
    #expect(model.answers([key(1)], at: .max) == [.new])
    #expect(model.answers([key(1)], at: 0) == [.duplicate])
    var early = DedupIndex(
      limits: limits, owner: .sample, store: MemoryRunStore(), startingAt: .min)
    early.advance(to: .min + 1, front: .beginning)
    let count = early.keyCount
    #expect(count == 0)
  }

  @Test("the limit closes the door and forgets nothing; departed keys open it again")
  func room() {
    let model = IndexModel(limits)
    model.judge((0..<99).map { key($0) }, at: 1000)
    #expect(model.hasRoom(for: 1))
    #expect(!model.hasRoom(for: 2))
    model.judge([key(99)], at: 1000)
    #expect(model.hasRoom(for: 0))
    #expect(!model.hasRoom(for: 1))
    #expect(!model.hasRoom(for: .max))
    model.judge((90..<120).map { key($0) }, at: 1000)
    #expect(model.index.keyCount == 120)
    #expect(!model.hasRoom(for: 0))
    model.judge((0..<120).map { key($0, .probe) }, at: 2000)
    #expect(model.counts == [.new: 120, .duplicate: 130])
    model.advance(to: 2001)
    #expect(model.hasRoom(for: 100))
  }

  @Test("statistics add up in every state")
  func statistics() {
    let model = IndexModel(limits)
    func sum(_ figures: DedupStatistics) -> Int {
      figures.activeKeys + figures.closingKeys + figures.sealedKeys
    }
    for round in 0..<5 {
      let first = UInt64(round * 20)
      model.judge((first..<first + 20).map { key($0) }, at: 1000 + Int64(round) * 100)
      if round > 0 {
        let closed = model.index.statistics
        #expect(closed.closingKeys == 20 && closed.sealedKeys == (round - 1) * 20)
        #expect(sum(closed) == closed.keys && closed.generations == round + 1)
        while model.step() {
          #expect(sum(model.index.statistics) == closed.keys)
        }
      }
      model.check()
    }
    let figures = model.index.statistics
    #expect(figures.runs == 4 && figures.sealedKeys == 80 && figures.activeKeys == 20)
    #expect(figures.filterKeys == 80 && figures.filterFill > 0 && figures.filterFill < 0.1)
    #expect(figures.load == 20.0 / Double(figures.activeCapacity))
    model.advance(to: 100_000)
    model.settle()
    #expect(model.index.statistics.keys == 0 && model.index.statistics.generations == 0)
  }

  @Test("nearly empty generations of an idle service hold little memory")
  func idleMemory() {
    let limits = DedupLimits(window: 1300, maximumKeys: 400_000_000, generations: 13)
    let model = IndexModel(limits)
    for step in 0..<40 {
      model.judge([key(UInt64(step))], at: 1000 + Int64(step) * 100)
      model.settle()
    }
    #expect(model.index.statistics.generations >= 13)
    // One table of 8 MiB with its stash, as much filter as its least, and a page for each run.
    #expect(model.index.statistics.bytes < 9 << 20)
  }
}
