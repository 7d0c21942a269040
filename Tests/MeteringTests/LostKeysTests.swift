import Dedup
import MemoryRuns
import SegmentLog
import Testing
import Wire

@testable import Metering

@Suite("Keys that neither runs nor the log have")
struct LostKeysTests {
  private func batch(_ number: Int) -> TestBatch {
    TestBatch(
      sequence: UInt64(number + 1), records: [.test(UInt128(number + 1), at: LedgerWorld.start)])
  }

  private func doUpkeep(_ world: LedgerWorld) {
    while let piece = world.ledger.takeUpkeep() {
      piece.perform()
      world.ledger.finish(piece)
    }
  }

  @Test("a generation that closes within a block ends behind its records, whatever the receipts")
  func endsBehindItsRecords() throws {
    let world = LedgerWorld()
    for number in 0..<3 { try world.judge(batch(number)) }
    world.tick(after: world.configuration.dedup.window / 6)
    world.sync()
    doUpkeep(world)
    let runs = try world.runStore.open().map(\.header.span)
    #expect(runs.count == 1 && runs[0].end == runs[0].through.position + 3)
  }

  @Test("the horizon stays when what came later stands in runs")
  func horizonStays() throws {
    var configuration = LedgerWorld.configuration()
    configuration.segmentSize = 1
    let world = LedgerWorld(configuration)
    for number in 0..<4 {
      world.tick(after: 1_000)
      try world.judge(batch(number))
      try world.flush(token: UInt128(number + 1))
    }
    world.files.removeFirst(2)
    world.isLossExpected = true
    world.crash()
    try world.recover()
    let horizon = world.ledger.horizon
    let last = try #require(try world.files[0].head()?.previous).lastArrival
    #expect(horizon == Timestamp(milliseconds: last.milliseconds + 1))
    // The generation is old and becomes a run.
    world.tick(after: configuration.dedup.window / 6)
    world.sync()
    doUpkeep(world)
    let count = world.runStore.numbers.count
    #expect(count == 1)
    for _ in 0..<2 {
      world.crash()
      try world.recover()
      #expect(world.ledger.horizon == horizon)
      #expect(world.ledger.dedupStatistics.sealedKeys > 0)
    }
  }
}
