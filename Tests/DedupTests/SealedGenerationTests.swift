import MemoryRuns
import SeededRandom
import Testing

@testable import Dedup

/// The index over runs: what it finds in them, through failures, merges and starts.
@Suite("Sealed generations")
struct SealedGenerationTests {
  private var geometry: TableGeometry {
    var geometry = TableGeometry()
    geometry.keysPerShard = 40
    geometry.minimumFilterKeys = 16
    return geometry
  }

  private func keys(_ range: Range<UInt64>, _ request: DedupRequest = .admit) -> [PresentedKey] {
    range.map { number in
      var mix = SplitMix64(seed: number)
      return PresentedKey(
        hash: KeyHash(high: mix.next(), low: mix.next()), payload: UInt16(number % 5),
        request: request)
    }
  }

  @Test("generations become runs, few by merging, and every key is still known")
  func mergesKeepKeys() {
    let limits = DedupLimits(window: 100_000, maximumKeys: 100_000, generations: 4)
    let model = IndexModel(limits, geometry: geometry)
    for batch in 0..<64 as Range<UInt64> {
      model.judge(keys(batch * 40..<batch * 40 + 40), at: 1000 + Int64(batch))
      model.settle()
    }
    let figures = model.index.statistics
    #expect(figures.sealedKeys >= 2_480 && figures.runs <= 8)
    #expect(model.store.numbers.count == figures.runs)
    // A file that was removed takes its disk until nobody holds it.
    #expect(model.store.heldCount == figures.runs)
    model.judge(keys(0..<64 * 40), at: 2000)
    #expect(model.counts == [.new: 2_560, .duplicate: 2_560])
    model.check()
  }

  @Test("no run knows a key of the part of the log that is not synced")
  func waitsForSync() throws {
    let store = MemoryRunStore()
    var index = DedupIndex(
      limits: DedupLimits(window: 1_000, maximumKeys: 1_000, generations: 2), owner: .sample,
      store: store, runs: [], startingAt: 0, geometry: geometry)
    let front = LogFront(sealed: LogPlace(position: 100, chain: 1), open: 105)
    var answers = [UInt8](repeating: 0, count: 60)
    var room = answers.mutableSpan
    let hashes = keys(0..<60).map(\.hash)
    let payloads = [UInt16](repeating: 1, count: 60)
    let requests = [UInt8](repeating: DedupRequest.admit.rawValue, count: 60)
    try index.judge(
      hashes: hashes.span, payloads: payloads.span, requests: requests.span, arrival: 1,
      front: front, answers: &room)
    // The first generation closed behind 40 new keys of the batch.
    index.settle(synced: SyncedEnd(position: 144, arrival: 1))
    #expect(store.numbers.isEmpty)
    index.settle(synced: SyncedEnd(position: 145, arrival: 1))
    let run = try #require(try store.open().first)
    #expect(run.header.span.from == LogPlace(position: 0, chain: 0))
    #expect(run.header.span.through == front.sealed && run.header.span.end == 145)
    #expect(run.header.span.after == .min && run.header.keyCount == 40)
    let through = index.completeThrough
    #expect(through == front.sealed)
  }

  @Test("a start from the runs and the rest of the log knows what the index knew")
  func restarts() throws {
    let limits = DedupLimits(window: 900, maximumKeys: 100_000, generations: 4)
    for stop in [1, 5, 20, 40] as [UInt64] {
      let store = MemoryRunStore()
      var index = DedupIndex(
        limits: limits, owner: .sample, store: store, runs: [], startingAt: 0, geometry: geometry)
      var position: UInt64 = 0
      for batch in 0..<stop {
        try judge(keys(batch * 25..<batch * 25 + 25), &index, at: batch * 10, position) {
          $0 == .new
        }
        position += 25
        index.settle(synced: SyncedEnd(position: position, arrival: Int64(batch * 10)))
      }
      let chain = RunChain(try store.open().map(\.header), log: 0...position, expired: .min)
      let runs = try store.open().filter { chain.used.contains($0.header.number) }
      var again = DedupIndex(
        limits: limits, owner: .sample, store: store, runs: runs, startingAt: 0, geometry: geometry)
      let through = again.completeThrough
      #expect(through == chain.through && chain.lostThrough == nil)
      for batch in through.position / 25..<stop {
        try judge(keys(batch * 25..<batch * 25 + 25, .renew), &again, at: batch * 10, batch * 25) {
          $0 == .new || $0 == .duplicate
        }
        again.settle(synced: SyncedEnd(position: position, arrival: Int64(batch * 10)))
      }
      let count = (again.keyCount, index.keyCount)
      #expect(count.0 >= count.1)
      try judge(keys(0..<stop * 25, .probe), &again, at: stop * 10, position) { $0 == .duplicate }
      try judge(keys(9_000..<9_500, .probe), &again, at: stop * 10, position) { $0 == .absent }
    }
  }

  @Test("after a start, what follows a generation that closed inside a block can be read")
  func startsInsideABlock() throws {
    let limits = DedupLimits(window: 900, maximumKeys: 100_000, generations: 4)
    let store = MemoryRunStore()
    func feed(_ index: inout DedupIndex, _ request: DedupRequest) throws {
      for batch in 0..<2 as Range<UInt64> {
        let range = batch * 25..<batch * 25 + 25
        try judge(keys(range, request), &index, at: 10 + batch, range.lowerBound, sealed: 0) {
          $0 == .new
        }
      }
      index.settle(synced: SyncedEnd(position: 50, arrival: 11))
    }
    var index = DedupIndex(
      limits: limits, owner: .sample, store: store, runs: [], startingAt: 0, geometry: geometry)
    try feed(&index, .admit)
    let first = try #require(try store.open().first)
    // The log is read on from before its end, and before the arrival of its last key.
    #expect(first.header.span.through.position == 0 && first.header.span.lastArrival == 11)
    var again = DedupIndex(
      limits: limits, owner: .sample, store: store, runs: [first], startingAt: 0,
      geometry: geometry)
    try feed(&again, .renew)
    let runs = try store.open()
    #expect(runs.count == 2)
    for run in runs.dropFirst() {
      #expect(first.header.span.isFollowed(by: run.header.span))
    }
    try judge(keys(0..<50, .probe), &again, at: 20, 50) { $0 == .duplicate }
  }

  private func judge(
    _ keys: [PresentedKey], _ index: inout DedupIndex, at arrival: UInt64, _ position: UInt64,
    sealed: UInt64? = nil, isRight: (DedupAnswer) -> Bool
  ) throws {
    let end = sealed ?? position
    let (hashes, payloads) = (keys.map(\.hash), keys.map(\.payload))
    let requests = keys.map(\.request.rawValue)
    var raw = [UInt8](repeating: 0xff, count: keys.count)
    var answers = raw.mutableSpan
    try index.judge(
      hashes: hashes.span, payloads: payloads.span, requests: requests.span,
      arrival: Int64(arrival),
      front: LogFront(sealed: LogPlace(position: end, chain: end), open: position),
      answers: &answers)
    let wrong = raw.count { !(DedupAnswer(rawValue: $0).map(isRight) ?? false) }
    #expect(wrong == 0)
  }

  @Test("upkeep that fails at any operation changes no answer and is tried again")
  func failingStore() {
    var isFailing = true
    var operation = 0
    while isFailing {
      let limits = DedupLimits(window: 100_000, maximumKeys: 10_000, generations: 4)
      let model = IndexModel(limits, geometry: geometry)
      model.store.fail(afterOperations: operation)
      for batch in 0..<6 as Range<UInt64> {
        model.judge(keys(batch * 40..<batch * 40 + 40), at: 1000 + Int64(batch) * 300)
        model.settle()
        model.judge(keys(0..<batch * 40), at: 1000 + Int64(batch) * 300)
      }
      let failure = model.index.takeFailure()
      isFailing = operation < model.store.operationCount
      #expect((failure is MemoryRunStore.Failure) == isFailing)
      #expect(model.index.takeFailure() == nil)
      model.judge([], at: 9_000)
      model.settle()
      #expect(model.index.closing.count <= 1)
      model.check()
      operation += 1
    }
    #expect(operation > 10)
  }

  @Test("a damaged page is an error, never an answer")
  func damage() throws {
    let limits = DedupLimits(window: 100_000, maximumKeys: 10_000, generations: 4)
    let model = IndexModel(limits, geometry: geometry)
    model.judge(keys(0..<60), at: 1000)
    model.settle()
    let number = try #require(model.store.numbers.first)
    model.store.flip(number, at: 4096 + 20)
    #expect(throws: RunError.self) {
      try judge(keys(0..<10), &model.index, at: 1000, 60) { _ in true }
    }
  }
}
