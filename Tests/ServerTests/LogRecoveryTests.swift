import Dedup
import Foundation
import MemoryRuns
import Metering
import SegmentLog
import Testing

@testable import Server

@Suite("Recovery from files") struct LogRecoveryTests {
  private struct Enough: Error {}

  private let scratch: ScratchDirectory
  private let files: PartitionFiles

  init() throws {
    scratch = try ScratchDirectory()
    files = PartitionFiles("\(scratch.path)/partition")
    try files.prepare()
  }

  private func write(_ log: LedgerLog) throws {
    for segment in log.segments {
      try Data(segment.bytes).write(to: URL(fileURLWithPath: files.segment(segment.number)))
    }
  }

  private func write(mark end: ChainPoint) throws {
    var bytes: [UInt8] = []
    DurabilityMark(end: end).encode(into: &bytes)
    try Data(bytes).write(to: URL(fileURLWithPath: files.mark))
  }

  /// The files of the segments.
  private func contents() throws -> [[UInt8]] {
    try files.segmentNumbers().map { try FileContents.read(files.segment($0), limit: 1 << 20) }
  }

  /// What a recovery found, and where the ledger then ends.
  private struct Found {
    var report = LogRecovery.Report()
    var end = ChainPoint.beginning
    var keys = 0
    /// Bytes that were done after each segment.
    var progress: [Int] = []
  }

  private func recover(
    _ ledger: consuming Ledger, progress: (Int) throws -> Void = { _ in }
  ) throws -> Found {
    var found = Found()
    let upkeep = UpkeepQueue(onDone: {})
    let recovered = try LogRecovery.recover(
      files, ledger, checkpoint: .beginning, upkeep: upkeep, report: &found.report
    ) { done, total in
      found.progress.append(done)
      #expect(done <= total)
      try progress(done)
    }
    found.end = recovered.end
    found.keys = recovered.dedupStatistics.keys
    return found
  }

  @Test func aLogOfFilesIsReplayed() throws {
    var log = try LedgerLog()
    let length = log.segments[2].bytes.count
    log.segments[2].bytes += [UInt8](repeating: 0, count: 4_096)
    try write(log)
    try write(mark: log.end)
    let found = try recover(log.newLedger)
    #expect(found.end == log.end)
    #expect(found.keys == LedgerLog.usageCount * LedgerLog.recordCount)
    let sizes = [log.segments[0].bytes.count, log.segments[1].bytes.count, length]
    #expect(found.progress == [sizes[0], sizes[0] + sizes[1], sizes.reduce(0, +)])
    #expect(found.report.segments == 3 && found.report.bytes == sizes.reduce(0, +))
    #expect(found.report.last?.number == 3 && found.report.last?.length == length)
    #expect(found.report.cut == nil)
    #expect(try contents() == log.segments.map(\.bytes))
  }

  @Test func anEmptyLogIsANewLedger() throws {
    let log = try LedgerLog()
    let found = try recover(log.newLedger)
    #expect(found.end == .beginning && found.keys == 0 && found.progress == [])
    #expect(found.report.last == nil && found.report.segments == 0)
    try write(mark: log.end)
    #expect(throws: SegmentError.self) { _ = try recover(log.newLedger) }
  }

  @Test func aTornTailIsCutOnce() throws {
    var log = try LedgerLog()
    let start = try log.tear()
    try write(log)
    let found = try recover(log.newLedger)
    #expect(found.report.cut?.hasPrefix("100 bytes of segment 3: ") == true)
    #expect(found.report.last?.number == 3 && found.report.last?.length == start)
    let expected = log.segments.map(\.bytes).dropLast() + [Array(log.segments[2].bytes[..<start])]
    #expect(try contents() == Array(expected))
    let copy = "\(files.path)/\(SegmentNames.tornTail(segment: 3, offset: start))"
    #expect(try FileContents.read(copy, limit: 1 << 20) == Array(log.segments[2].bytes[start...]))
    let again = try recover(log.newLedger)
    #expect(again.report.cut == nil && again.end == found.end && again.keys == found.keys)
  }

  @Test func aLastSegmentWithoutItsHeaderIsRemoved() throws {
    var log = try LedgerLog()
    log.tear(to: 20)
    try write(log)
    let found = try recover(log.newLedger)
    #expect(try files.segmentNumbers() == [1, 2])
    #expect(found.report.cut?.hasPrefix("20 bytes of segment 3: ") == true)
    #expect(found.report.segments == 2 && found.progress.count == 2)
    #expect(found.report.last?.number == 2)
    #expect(found.report.last?.length == log.segments[1].bytes.count)
  }

  /// What is wrong before the torn tail is told, and the tail stays for someone to look at.
  @Test func nothingIsCutOffALogThatIsRefused() throws {
    let whole = try LedgerLog()
    var log = whole
    _ = try log.tear()
    try write(log)
    let written = try contents()
    let other = LedgerLog.identity(installation: 43)
    let ledger = Ledger(
      identity: other, configuration: LedgerConfiguration(weights: .empty, canonicalText: ""),
      store: MemoryRunStore())
    do {
      _ = try recover(ledger)
      Issue.record("the log of another installation")
    } catch { #expect(error as? RecoveryError == .otherInstallation(segment: 1)) }
    #expect(try contents() == written)

    // What was synced is not a torn tail.
    try write(mark: whole.end)
    do {
      _ = try recover(log.newLedger)
      Issue.record("a log without its synced end")
    } catch { #expect((error as? SegmentError)?.segment == 3) }
    #expect(try contents() == written)

    try log.damage(block: 7, ofSegment: 1)
    try write(log)
    let damaged = try contents()
    do {
      _ = try recover(log.newLedger)
      Issue.record("a damaged segment")
    } catch { #expect((error as? SegmentError)?.segment == 2) }
    #expect(try contents() == damaged)
  }

  @Test func progressMayEndIt() throws {
    let log = try LedgerLog()
    try write(log)
    var calls = 0
    #expect(throws: Enough.self) {
      _ = try recover(log.newLedger) { _ in
        calls += 1
        throw Enough()
      }
    }
    #expect(calls == 1)
    // Other tests may read logs now, but not for ever.
    let end = Date(timeIntervalSinceNow: 60)
    while try readers() > 0, Date() < end { usleep(10_000) }
    #expect(try readers() == 0)
  }

  /// How many threads of this process read a log.
  private func readers() throws -> Int {
    try FileManager.default.contentsOfDirectory(atPath: "/proc/self/task").filter { task in
      // A thread may end meanwhile.
      let name = try? String(contentsOfFile: "/proc/self/task/\(task)/comm", encoding: .utf8)
      return name == "log-reader\n"
    }.count
  }
}
