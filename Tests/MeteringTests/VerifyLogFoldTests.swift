import SegmentLog
import Testing
import Wire

@testable import Metering

@Suite("The fold of verify")
struct VerifyLogFoldTests {
  private func makeWorld() throws -> LedgerWorld {
    var configuration = LedgerWorld.configuration()
    configuration.segmentSize = 1
    let world = LedgerWorld(configuration)
    for number in 1...4 {
      try world.judge(
        TestBatch(
          sequence: UInt64(number),
          records: [.test(UInt128(number)), .test(UInt128(100 + number), tenant: "t\(number)")]))
      try world.flush(token: UInt128(number))
    }
    return world
  }

  private func failure(_ world: LedgerWorld, _ checkpoint: Checkpoint) -> RecoveryError? {
    do {
      _ = try world.fold(upTo: checkpoint)
      return nil
    } catch { return error as? RecoveryError }
  }

  @Test func itGivesTheRowsOfEveryCheckpointInOrder() throws {
    let world = try makeWorld()
    #expect(try world.fold(upTo: .beginning).sums.isEmpty)
    #expect(try world.fold(upTo: world.postgres.checkpoint) == world.postgres.rows)
    var fold = LogFold(secret: world.identity.secret, upTo: world.postgres.checkpoint)
    for file in world.files where !fold.isComplete {
      try fold.add(file.bytes.span.raw, number: file.number)
    }
    let (records, rows) = (fold.records, fold.rows())
    #expect(records == 8)
    #expect(rows.rollups.map(\.subject.tenant) == ["acme", "t1", "t2", "t3", "t4"])
    #expect(rows.rollups[0].sums.count == 4)
  }

  @Test func aChangedRowDiffers() throws {
    let world = try makeWorld()
    let key = try #require(world.postgres.rows.sums.keys.first)
    world.postgres.rows.sums[key]?.digest &+= 1
    #expect(try world.fold(upTo: world.postgres.checkpoint) != world.postgres.rows)
  }

  @Test func checkpointsThatAreNotThere() throws {
    let world = try makeWorld()
    var other = world.postgres.checkpoint
    other.chain ^= 1
    #expect(
      failure(world, other)
        == .checkpointNotOnChain(other, found: world.postgres.checkpoint.chain))
    other = world.postgres.checkpoint
    other.position = LogPosition(other.position.rawValue - 2)
    #expect(failure(world, other) == .checkpointNotOnChain(other, found: nil))
    let early = Checkpoint(position: LogPosition(1), chain: 1)
    world.files.removeFirst(2)
    let start = try world.files[0].header().start.position
    #expect(failure(world, early) == .checkpointBelowLog(early, start: start))
  }

  @Test func aDamagedBlockIsNamed() throws {
    let world = try makeWorld()
    let middle = world.files[1].bytes.count - 5
    world.files[1].bytes[middle] ^= 1
    #expect(throws: SegmentError.self) {
      _ = try world.fold(upTo: world.postgres.checkpoint)
    }
  }
}
