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

  @Test func itGivesTheRowsOfEveryCheckpoint() throws {
    let world = try makeWorld()
    #expect(try world.fold(upTo: .beginning).sums.isEmpty)
    #expect(try world.fold(upTo: world.postgres.checkpoint) == world.postgres.rows)
    var fold = LogFold(secret: world.identity.secret, upTo: world.postgres.checkpoint)
    for file in world.files where !fold.isComplete {
      try fold.add(file.bytes.span.raw, number: file.number)
    }
    var counts: [String: Int64] = [:]
    fold.forEachRow { key, expected, found in
      #expect(found == nil)
      counts[fold.subject(of: key).tenant] = expected?.count
    }
    let records = fold.records
    #expect(records == 8)
    #expect(counts == ["acme": 4, "t1": 1, "t2": 1, "t3": 1, "t4": 1])
  }

  @Test func rowsOfPostgresStandBesideThoseOfTheLog() throws {
    let world = try makeWorld()
    var fold = LogFold(secret: world.identity.secret, upTo: world.postgres.checkpoint)
    let key = try #require(world.postgres.rows.sums.keys.first { $0.subject.tenant == "acme" })
    let sums = UsageSums(count: 9)
    func take(_ tenant: String) -> Bool {
      var subject = key.subject
      subject.tenant = tenant
      return fold.takeStored(subject, hour: key.hour, bookingStart: nil, sums: sums)
    }
    #expect(take("acme") && take("new"))
    #expect(!take("acme"), "the same row twice")
    #expect(!take(String(repeating: "x", count: 256)), "a name that admission refuses")
    for file in world.files where !fold.isComplete {
      try fold.add(file.bytes.span.raw, number: file.number)
    }
    var found: [String: [Int64?]] = [:]
    fold.forEachRow { key, expected, stored in
      found[fold.subject(of: key).tenant] = [expected?.count, stored?.count]
    }
    #expect(found.count == 6)
    #expect(found["acme"] == [4, 9] && found["new"] == [nil, 9] && found["t1"] == [1, nil])
  }

  @Test func finalizationsAreKnownFromTheLogAndFromASnapshot() throws {
    let world = try makeWorld()
    world.tick(after: 3 * Hour.milliseconds)
    try world.flush(token: 100)
    try world.finalize(.january, "acme")
    try world.flush(token: 101)
    try world.judge(TestBatch(sequence: 9, records: [.test(99, at: world.now)]))
    try world.flush(token: 102)
    var fold = LogFold(secret: world.identity.secret, upTo: world.postgres.checkpoint)
    for file in world.files where !fold.isComplete {
      try fold.add(file.bytes.span.raw, number: file.number)
    }
    let entries = fold.finalizations
    #expect(entries.map(\.tenant) == ["acme"] && entries.first?.bounds.period == .january)
    var late = LogFold(secret: world.identity.secret, upTo: world.postgres.checkpoint)
    for file in world.files.suffix(2) where !late.isComplete {
      try late.add(file.bytes.span.raw, number: file.number)
    }
    for fold in [true, false] {
      let tenant = fold ? late.tenantNumber("acme") : late.tenantNumber("t1")
      let through = try late.finalizedThrough(#require(tenant))
      #expect(through == (fold ? .january : nil))
    }
    let afterwards = late.finalizations.count
    #expect(afterwards == 0)
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
