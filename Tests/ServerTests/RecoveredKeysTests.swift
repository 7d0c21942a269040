import Dedup
import Foundation
import Metering
import SegmentLog
import Testing
import Wire

@testable import Server

@Suite("Starts from runs and a part of the log")
struct RecoveredKeysTests {
  /// What the two ledgers have to have in common.
  private func expectSame(_ ledger: borrowing Ledger, _ whole: borrowing Ledger) {
    #expect(ledger.end == whole.end && ledger.time == whole.time)
    #expect(ledger.closedThrough == whole.closedThrough)
    #expect(ledger.checkpoint == whole.checkpoint)
    #expect(ledger.periods() == whole.periods())
    #expect(ledger.unflushedRows == whole.unflushedRows)
    let (segments, others) = (ledger.segments, whole.segments)
    #expect(segments.count == others.count)
    for (segment, other) in zip(segments, others) {
      #expect(ManifestEntry(segment).line == ManifestEntry(other).line)
    }
  }

  private func losses(_ log: KeyedLog) -> [String] {
    log.lines.filter { $0.hasPrefix("critical: the key index does not reach back") }
  }

  private func setAside(_ log: KeyedLog) -> [String] {
    log.lines.filter { $0.contains("set aside") }
  }

  @Test func aStartReadsNoMoreThanItNeeds() throws {
    let log = try KeyedLog(days: 12)
    let count = try log.files.segmentNumbers().count
    for isKnown in [true, false] {
      try log.restart(knowingCheckpoint: isKnown)
      #expect(log.report.segments == count)
      // A generation of three days is not sealed yet.
      #expect(log.report.replayed >= 2 && log.report.replayed * 2 < count)
      #expect(log.lines == [])
      let horizon = log.ledger.horizon
      #expect(horizon == nil)
      expectSame(log.ledger, try log.wholeReplay())
    }
    #expect(try log.recognised() == 12 * KeyedLog.recordCount)
    // It goes on as it would have.
    try log.passDay()
    try log.restart()
    expectSame(log.ledger, try log.wholeReplay())
    #expect(try log.recognised() == 13 * KeyedLog.recordCount)
  }

  @Test func anUnflushedLogIsReplayedFromItsCheckpoint() throws {
    let log = try KeyedLog(days: 9)
    let checkpoints = log.ledger.segments.map(\.end)
    for place in [0, 2, checkpoints.count / 2] {
      log.checkpoint = checkpoints[place]
      try log.restart()
      #expect(log.report.segments - log.report.replayed == place + 1)
      let rows = log.ledger.unflushedRows
      #expect(rows > 0)
      expectSame(log.ledger, try log.wholeReplay())
    }
  }

  @Test func aSegmentBeforeAnOlderHeadIsSummedUp() throws {
    let log = try KeyedLog(days: 12)
    let whole = try log.wholeReplay()
    let sizes = try log.withBareHead(ofSegment: 3)
    try log.restart()
    #expect(log.report.segments - log.report.replayed > 3)
    let (found, expected) = (log.ledger.segments, whole.segments)
    for (segment, other) in zip(found, expected) where segment.number != 3 {
      #expect(ManifestEntry(segment).line == ManifestEntry(other).line)
    }
    #expect(found[1].hours.isEmpty == false || found[2].hours.isEmpty == false)
    #expect(found[2].byteCount == sizes.after && expected[2].byteCount == sizes.before)
  }

  @Test func aMissingSegmentStopsTheStartAndNothingIsTouched() throws {
    let log = try KeyedLog(days: 9)
    let (names, numbers) = (try log.names(), try log.files.segmentNumbers())
    try log.restart()
    #expect(log.report.segments - log.report.replayed > 3)
    try log.files.removeSegment(3)
    #expect(throws: RecoveryError.segmentMissing(expected: 3, found: 4)) { try log.restart() }
    #expect(try log.names() == names)
    #expect(try log.files.segmentNumbers() == numbers.filter { $0 != 3 })
  }

  @Test func aDamagedRunIsWrittenAgainFromTheLog() throws {
    let count = 12
    let log = try KeyedLog(days: count)
    let runs = try log.runs()
    #expect(runs.count >= 3)
    for place in runs.indices {
      let run = try log.runs()[place]
      try flip(log.path(ofRun: run.number), at: 50)
      try log.restart()
      #expect(setAside(log).count == 1 && losses(log) == [])
      #expect(try log.names().contains("\(SegmentNames.run(run.number)).damaged"))
      let horizon = log.ledger.horizon
      #expect(horizon == nil)
      // What follows the damaged run was written again beside it.
      let sealed = try log.runs()
      #expect(sealed.map(\.span.lastArrival) == runs.map(\.span.lastArrival))
      #expect(sealed.map(\.keyCount) == runs.map(\.keyCount))
      #expect(try log.recognised() == count * KeyedLog.recordCount)
      try log.restart()
      #expect(log.lines == [] && log.report.replayed < log.report.segments)
    }
  }

  private func flip(_ path: String, at offset: Int) throws {
    var bytes = try Data(contentsOf: URL(fileURLWithPath: path))
    bytes[offset] ^= 1
    try bytes.write(to: URL(fileURLWithPath: path))
  }

  @Test func whatNeitherRunsNorTheLogHaveRaisesTheHorizon() throws {
    let log = try KeyedLog(days: 20)
    let runs = try log.runs()
    try log.removeSegmentsBehindRuns()
    try log.restart()
    #expect(log.lines == [])
    // A run is gone from the middle: those before it are of no use.
    let missing = runs[2]
    RunFiles(log.files).remove(missing.number)
    try log.restart()
    let lost = Timestamp(milliseconds: missing.span.lastArrival + 1)
    try expectLoss(log, from: lost)
    #expect(setAside(log).count == 2)
    #expect(try log.runs().first?.number == runs[3].number)
    // It is said at every start until they would have left anyway.
    try log.restart()
    try expectLoss(log, from: lost)
    for _ in 0..<28 { try log.passDay() }
    try log.restart()
    #expect(losses(log) == [])
    // None is left.
    for run in try log.runs() { RunFiles(log.files).remove(run.number) }
    let removed = try log.removeSegmentsBehindRuns()
    let before = try #require(removed.last).lastArrival
    let unknown = Timestamp(milliseconds: before.milliseconds + 1)
    try log.restart()
    try expectLoss(log, from: unknown)
    // Runs that are written from there on know it, and the log need not any more.
    for _ in 0..<5 { try log.passDay() }
    try log.removeSegmentsBehindRuns()
    #expect(log.ledger.segments.first.map { $0.created > unknown } == true)
    try log.restart()
    try expectLoss(log, from: unknown)
  }

  private func expectLoss(_ log: KeyedLog, from horizon: Timestamp) throws {
    let found = log.ledger.horizon
    #expect(found == horizon)
    let known = Timestamp(
      milliseconds: horizon.milliseconds + log.configuration.acceptanceAhead)
    let line = try #require(losses(log).first)
    #expect(losses(log).count == 1)
    #expect(line.hasSuffix(" keys of arrivals from=\(horizon.text) usage from=\(known.text)"))
    log.now += 1
    let refused = try log.judge(batch: 1 << 40 | log.batches, at: known.milliseconds - 1)
    #expect(refused.rejected == KeyedLog.recordCount)
    let taken = try log.judge(batch: 1 << 41 | log.batches, at: known.milliseconds)
    #expect(taken.accepted == KeyedLog.recordCount)
  }

  @Test func aWindowThatWasMadeLongerIsNoDamage() throws {
    let log = try KeyedLog(days: 50)
    try log.removeSegmentsBehindRuns()
    try log.restart()
    #expect(log.lines == [])
    let after = try #require(try log.runs().first).span.after
    #expect(after > KeyedLog.start, "runs have expired")
    let short = log.configuration.dedup.window
    log.configuration.dedup.window = short + 20 * KeyedLog.day
    log.configuration.acceptanceBack = short + 19 * KeyedLog.day
    try log.restart()
    try expectLoss(log, from: Timestamp(milliseconds: after + 1))
    #expect(log.lines.count == 1 && !log.lines[0].contains("damage"))
  }

  @Test(arguments: [0, 1, 2, 3])
  func runsOfAnotherOwnerAreSetAside(field: Int) throws {
    let log = try KeyedLog(days: 12)
    let count = try log.runs().count
    var other = RunOwner(log.identity)
    switch field {
    case 0: other.installation ^= 1
    case 1: other.secretFingerprint ^= 1
    case 2: other.partition ^= 1
    default: other.partitionCount += 1
    }
    try log.restart(owner: other)
    #expect(setAside(log).count == count && count > 1)
    #expect(losses(log) == [])
    let recognised = try log.recognised()
    #expect(recognised == 12 * KeyedLog.recordCount)
  }

  @Test func runsOfAnotherHistoryAreSetAside() throws {
    let log = try KeyedLog(days: 12)
    let other = try KeyedLog(days: 12, from: KeyedLog.start + 1_000)
    let runs = try other.runs()
    for run in try log.runs() { RunFiles(log.files).remove(run.number) }
    for run in runs {
      try FileManager.default.copyItem(
        atPath: other.path(ofRun: run.number), toPath: log.path(ofRun: run.number))
    }
    try log.restart()
    #expect(setAside(log).count == runs.count && losses(log) == [])
    #expect(log.report.replayed == log.report.segments)
    #expect(try log.recognised() == 12 * KeyedLog.recordCount)
  }

  @Test func runsBehindTheEndOfTheLogStayUntilItIsAccepted() throws {
    let log = try KeyedLog(days: 12)
    let (names, runs) = (try log.names(), try log.runs())
    var mark: [UInt8] = []
    DurabilityMark(end: log.ledger.end).encode(into: &mark)
    try Data(mark).write(to: URL(fileURLWithPath: log.files.mark))
    let kept = log.ledger.segments.filter { $0.end.position.rawValue < runs[1].span.end }
    for number in try log.files.segmentNumbers() where number > UInt64(kept.count) {
      try log.files.removeSegment(number)
    }
    log.checkpoint = .beginning
    // The log is older than its mark.
    #expect(throws: SegmentError.self) { try log.restart() }
    #expect(try log.names() == names)
    try FileManager.default.removeItem(atPath: log.files.mark)
    try log.restart()
    #expect(setAside(log).count == runs.count - 1 && losses(log) == [])
    #expect(try log.runs().first?.number == runs[0].number)
  }
}

extension ManifestEntry {
  fileprivate var line: String { String(decoding: ControlCoding.line(self), as: UTF8.self) }
}
