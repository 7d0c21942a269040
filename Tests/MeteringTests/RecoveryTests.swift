import Dedup
import MemoryRuns
import SegmentLog
import Testing
import Wire

@testable import Metering

@Suite("Recovery of a ledger")
struct RecoveryTests {
  private let day: Int64 = 86_400_000

  /// A world whose segments hold one batch each; every batch has one record of its own.
  private func makeWorld(batches: Int, flushing: Bool = true) throws -> LedgerWorld {
    var configuration = LedgerWorld.configuration()
    configuration.segmentSize = 1
    let world = LedgerWorld(configuration)
    for number in 0..<batches {
      world.tick(after: 1_000)
      try world.judge(batch(number, world))
      world.sync()
      if flushing { try world.flush(token: UInt128(number + 1)) }
    }
    return world
  }

  private func batch(_ number: Int, _ world: LedgerWorld) -> TestBatch {
    TestBatch(
      sequence: UInt64(number + 1), records: [.test(UInt128(number + 1), at: LedgerWorld.start)])
  }

  private func failure(_ world: LedgerWorld, knowing: Bool = true) -> RecoveryError? {
    do {
      try world.recover(knowingCheckpoint: knowing)
      return nil
    } catch {
      let found = error as? RecoveryError
      #expect(found != nil, "\(error)")
      #expect(!(found?.description.isEmpty ?? true))
      return found
    }
  }

  @Test func anEmptyLogIsANewLedger() throws {
    let world = LedgerWorld()
    world.crash()
    try world.recover()
    #expect(world.ledger.segments.map(\.number) == [1])
    #expect(try world.judge(batch(0, world)).disposition == .judged)
  }

  @Test func identityIsChecked() throws {
    func failure(_ identity: LedgerIdentity, _ world: LedgerWorld) -> RecoveryError? {
      do {
        var recovery = Recovery(
          Ledger(
            identity: identity, configuration: world.configuration, store: MemoryRunStore()),
          checkpoint: nil)
        try recovery.replay(world.files)
        _ = try recovery.finish()
        return nil
      } catch { return error as? RecoveryError }
    }
    let world = try makeWorld(batches: 1)
    #expect(failure(LedgerWorld.identity(), world) == nil)
    #expect(
      failure(LedgerWorld.identity(installation: 5), world) == .otherInstallation(segment: 1))
    let other = LedgerWorld.identity(secret: 8)
    #expect(
      failure(other, world)
        == .otherSecret(
          segment: 1, expected: other.secret.fingerprint,
          found: world.identity.secret.fingerprint))
    for secret in [other.secret, world.identity.secret] {
      let text = HashSecret.text(ofFingerprint: secret.fingerprint)
      let error = failure(other, world).map { "\($0)" } ?? ""
      #expect(text.count == 16 && error.contains(text), "\(error)")
    }
    var wider = LedgerWorld.identity()
    wider.partitionCount = 2
    #expect(
      failure(wider, world) == .otherPartition(segment: 1, expected: "0 of 2", found: "0 of 1"))
  }

  @Test func aMissingSegmentIsNamed() throws {
    let world = try makeWorld(batches: 3)
    let missing = world.files[1].number
    world.files.remove(at: 1)
    #expect(failure(world) == .segmentMissing(expected: missing, found: missing + 1))
  }

  @Test func theCheckpointMustBeOnTheChain() throws {
    let world = try makeWorld(batches: 2)
    let checkpoint = world.postgres.checkpoint
    world.postgres.checkpoint.chain ^= 1
    #expect(
      failure(world) == .checkpointNotOnChain(world.postgres.checkpoint, found: checkpoint.chain))
    // Inside a block.
    world.postgres.checkpoint = checkpoint
    world.postgres.checkpoint.position = LogPosition(checkpoint.position.rawValue - 2)
    #expect(failure(world) == .checkpointNotOnChain(world.postgres.checkpoint, found: nil))
    let end = try LedgerWorld.end(of: world.files)
    world.postgres.checkpoint.position = LogPosition(end.position.rawValue + 1)
    #expect(
      failure(world) == .checkpointBeyondLog(world.postgres.checkpoint, end: end.position))
    world.postgres.checkpoint = checkpoint
    world.files.removeFirst()
    #expect(failure(world) == nil)
    world.postgres.checkpoint = .beginning
    let first = try world.files[0].header().start.position
    #expect(failure(world) == .checkpointBelowLog(.beginning, start: first))
  }

  @Test func limitsBelowTheLogAreNamed() throws {
    let world = try makeWorld(batches: 1)
    try world.judge(
      TestBatch(
        source: SourceIdentity(name: "other", epoch: 1), sequence: 5,
        records: [
          .test(50, tenant: "t", operation: "o", type: .project, context: "c")
        ]))
    try world.judge(
      TestBatch(
        source: SourceIdentity(name: "other", epoch: 1), sequence: 7, records: [.test(51)]))
    world.sync()
    let good = world.configuration
    let cases: [(String, Int, WritableKeyPath<LedgerConfiguration, Int>)] = [
      ("limits.tenants", 1, \.maximumTenants), ("limits.operations", 1, \.maximumOperations),
      ("limits.contexts", 2, \.maximumContexts), ("limits.sources", 1, \.maximumSources),
      ("limits.gapsPerSource", 1, \.gapsPerSource),
    ]
    for (setting, limit, path) in cases {
      world.configuration = good
      world.configuration[keyPath: path] = limit
      #expect(failure(world) == .limitBelowLog(setting: setting, limit: limit))
    }
    world.configuration = good
    #expect(failure(world) == nil)
  }

  @Test func anySuffixIsEnough() throws {
    let count = 6
    let whole = try makeWorld(batches: count)
    for dropped in 1..<whole.files.count {
      let world = try makeWorld(batches: count)
      let batches = (0..<count).map { batch($0, world) }
      world.files.removeFirst(dropped)
      let header = try world.files[0].header()
      if header.start.position > world.postgres.checkpoint.position { break }
      try world.recover()
      let last = try #require(try world.files[0].head()?.previous).lastArrival
      let horizon = Timestamp(milliseconds: last.milliseconds + 1)
      #expect(last.milliseconds <= header.createdAt)
      #expect(world.ledger.horizon == horizon)
      #expect(world.ledger.closedThrough == whole.ledger.closedThrough)
      #expect(world.ledger.periods().map(\.tenant) == ["acme"])
      // Batches whose receipts left with their segments are known, their details are not.
      for batch in batches {
        let taken = try world.judge(batch).disposition
        #expect(taken == .resent || taken == .archived)
      }
      // A key that may have left cannot be told from a new one: its time decides.
      let known = horizon.milliseconds + world.configuration.acceptanceAhead
      world.tick(after: 3 * 3_600_000)
      let outcome = try world.judge(
        TestBatch(
          sequence: 100,
          records: [.test(1), .test(900, at: known - 1), .test(901, at: known)]))
      let before = AckCode(rejected: .timeBeforeHorizon).rawValue
      #expect(outcome.codes(3)[1...] == [before, 0])
      #expect(outcome.codes(3)[0] == before || outcome.codes(3)[0] == 1)
      try world.flush(token: 500)
      // The horizon stays when the rest of the log is replayed again.
      world.crash()
      try world.recover()
      #expect(world.ledger.horizon == horizon)
    }
  }

  @Test func anOlderCheckpointFoldsAgain() throws {
    let world = try makeWorld(batches: 0)
    var copies = [world.postgres]
    for number in 0..<5 {
      world.tick(after: 1_000)
      try world.judge(batch(number, world))
      try world.flush(token: UInt128(number + 1))
      copies.append(world.postgres)
    }
    let expected = world.postgres.rows
    let files = world.files
    for copy in copies {
      world.files = files
      world.postgres = copy
      try world.recover()
      try world.flush(token: 99)
      #expect(world.postgres.rows == expected)
      #expect(try world.fold(upTo: world.postgres.checkpoint) == expected)
    }
  }

  @Test func withoutPostgresTheLogDecidesOrSaysThatItCannot() throws {
    let world = try makeWorld(batches: 1)
    let old = world.postgres
    try world.judge(batch(1, world))
    try world.flush(token: 10)
    // Postgres goes back to an older state, and a flush from there is begun and not committed.
    world.postgres = old
    world.crash()
    try world.recover()
    try world.judge(batch(2, world))
    let didBegin = world.beginFlush(token: 11)
    #expect(didBegin)
    let begun = world.ledger.attempt
    let attempt = try #require(begun)
    world.take()
    world.sync()
    world.crash()
    #expect(failure(world, knowing: false) == .attemptUnknown(attempt))
    try world.recover()
    try world.flush(token: 12)
    let total = world.postgres.rows.sums.values.reduce(0) { $0 + $1.count }
    #expect(total == 3)
    world.crash()
    try world.recover(knowingCheckpoint: false)
    try world.flush(token: 13)
    let again = world.postgres.rows.sums.values.reduce(0) { $0 + $1.count }
    #expect(again == 3)
  }

  @Test func aSegmentWithoutItsSnapshotGetsItAtTheStart() throws {
    for first in [true, false] {
      let world = try makeWorld(batches: first ? 0 : 2)
      if first {
        world.sync(1)
      } else {
        // The next segment gets as far as its header.
        try world.judge(batch(7, world))
        world.take()
        while case .append = world.unsynced[0] { world.sync(1) }
        world.sync(1)
      }
      let opened = world.files.last?.number
      #expect(world.files.last?.bytes.count == SegmentHeader.byteCount)
      world.crash()
      try world.recover()
      #expect(world.ledger.segments.map(\.number).contains(opened ?? 0))
      try world.judge(batch(8, world))
      try world.flush(token: 70)
      world.files.removeFirst(world.files.firstIndex { $0.number == opened } ?? 0)
      try world.recover()
      #expect(try world.judge(batch(8, world)).disposition == .resent)
    }
  }

  @Test func aSegmentThatDoesNotBeginWithASnapshotIsNamed() throws {
    let world = LedgerWorld()
    var bytes: [UInt8] = []
    SegmentHeader(
      installation: world.identity.installation.bits,
      secretFingerprint: world.identity.secret.fingerprint, partition: 0, partitionCount: 1,
      number: 1, start: .beginning, createdAt: world.now
    ).encode(into: &bytes)
    var sealer = BlockSealer(continuing: .beginning)
    let entry = ControlEntry.hoursClosed(
      through: Hour(index: 1), time: Timestamp(milliseconds: 1)
    ).encoded()
    let header = sealer.seal(
      kind: .control, entryCount: 1, firstArrival: 1, lastArrival: 1, raw: RawSpan(),
      columns: entry.span.raw)
    BlockEncoder().append(header, raw: RawSpan(), columns: entry.span.raw, to: &bytes)
    world.files = [LedgerWorld.File(number: 1, bytes: bytes)]
    #expect(failure(world) == .snapshotMissing(segment: 1))
  }

  @Test func aTornSnapshotLosesNoBatch() throws {
    // The block of a batch is torn, the snapshot before it is not: the batch must be judged again.
    for kept in 0...4 {
      let world = try makeWorld(batches: 2)
      let next = batch(5, world)
      try world.judge(next)
      world.ledger.sealBlock()
      world.take()
      world.crash(keeping: kept, tearing: 100)
      let held = world.files.count
      try world.recover()
      world.files.removeFirst(max(0, min(held, world.files.count) - 1))
      world.postgres.checkpoint = world.ledger.synced
      try world.recover()
      let outcome = try world.judge(next)
      #expect(outcome.disposition == .judged || outcome.disposition == .resent)
      #expect(outcome.receipt.counts.total == 1)
    }
  }
}

extension LedgerWorld {
  /// The end of the last block in files.
  static func end(of files: [File]) throws -> ChainPoint {
    var end = ChainPoint.beginning
    for file in files {
      var reader = try SegmentReader(file.bytes.span.raw, segment: file.number)
      while try reader.next() != nil {}
      end = reader.end
    }
    return end
  }
}
