import Client
import Foundation
import Metering
import Server
import Testing
import Wire

@Suite("Retention by the running service", .serialized)
struct RetentionTests {
  private static let minute: Int64 = 60_000
  private static let hour = 60 * minute

  private let lever: ClockLever
  private let service: ServiceProcess

  init() throws {
    lever = try ClockLever()
    service = ServiceProcess(
      [
        "--acceptance-back", "2h", "--acceptance-ahead", "1m", "--dedup-window", "3h",
        "--log-retention", "4h", "--log-segment-age", "30m",
      ], database: try ScratchDatabase())
    service.environment = try lever.environment
  }

  /// Sets the service's clock, which an operator confirms.
  private func jump(to time: Int64) throws {
    try lever.move(to: time - UsageSource.now())
    try service.wait("held") { try !service.status().isReady }
    let confirmed = try service.ask(
      ControlRequest(.clock, operatorName: "test", confirm: true))
    #expect(confirmed.clock?.isConfirmed == true)
  }

  private func send(_ numbers: Range<Int>, at time: Int64) throws -> SendSummary {
    try UsageSource.send(
      numbers.map { UsageSource.record($0, time: time) }, to: service.udp,
      source: "source-\(numbers.lowerBound)")
  }

  private var files: PartitionFiles {
    get throws { PartitionFiles(try service.layout.partition(0)) }
  }

  @Test(
    "a segment goes when it is flushed, old, outside the window and finalized",
    .timeLimit(.minutes(5)))
  func removesOldSegments() throws {
    let next = try #require(
      BillingPeriod(containing: Timestamp(milliseconds: UsageSource.now())).next)
    let start = next.start.milliseconds + 9 * ClockLever.day + 12 * Self.hour
    let end = next.end.milliseconds
    // Segments 1 to 4 in one month, the last of them in its last hour; 5 in the next month.
    try lever.move(to: start - UsageSource.now())
    try service.start()
    #expect(try send(0..<1_000, at: start).verdicts[.accepted] == 1_000)
    let times = [start + 40 * Self.minute, start + ClockLever.day, end - 30 * Self.minute]
    for (number, time) in times.enumerated() {
      try jump(to: time)
      let first = (number + 1) * 1_000
      #expect(try send(first..<first + 1_000, at: time).verdicts[.accepted] == 1_000)
    }
    let last = end + 2 * Self.hour
    try jump(to: last)
    #expect(try send(4_000..<5_000, at: last).verdicts[.accepted] == 1_000)
    try service.wait("the month closed") {
      try service.status().hours.flushedThrough.map { $0 >= next.end.text } == true
    }
    try service.flush()
    // They are old, but their month is open.
    #expect(try files.segmentNumbers() == [1, 2, 3, 4, 5])
    #expect(try service.verify().status == 0)

    let done = try service.ask(
      ControlRequest(.finalize, period: next.text, operatorName: "test"))
    #expect(done.finalized?.count == 7)
    #expect(done.finalized?.allSatisfy { $0.refusal == nil } == true)
    // The fourth is finalized as well, but younger than the retention.
    #expect(try files.segmentNumbers() == [4, 5])
    #expect(service.log.contains("segments removed"), "\(service.log)")
    try expectManifest(segments: [1, 2, 3], records: 3_000)
    try expectBeyondRetention(deleted: 3)
    try expectKnownKeys(last)

    #expect(try service.stop() == 0)
    try service.start()
    try expectKnownKeys(last)
    // What only deleted segments held is too old to be counted again.
    #expect(try send(0..<1_000, at: start).rejections[.timeTooOld] == 1_000)
    #expect(try send(5_000..<6_000, at: lever.now).verdicts[.accepted] == 1_000)
    try service.flush()
    try expectBeyondRetention(deleted: 3)

    try jump(to: last + ClockLever.day)
    try service.wait("the fourth removed") { try files.segmentNumbers().first == 5 }
    service.kill()
    try service.start()
    try expectManifest(segments: [1, 2, 3, 4], records: 4_000)
    #expect(try send(6_000..<7_000, at: lever.now).verdicts[.accepted] == 1_000)
    #expect(try send(6_000..<7_000, at: lever.now).verdicts[.duplicate] == 1_000)
    try service.flush()
    try expectBeyondRetention(deleted: 4)
  }

  /// Keys of the last three hours are known, those of a finalized month included.
  private func expectKnownKeys(_ last: Int64) throws {
    #expect(try send(3_000..<4_000, at: last - 150 * Self.minute).verdicts[.duplicate] == 1_000)
    #expect(try send(4_000..<5_000, at: last).verdicts[.duplicate] == 1_000)
  }

  private func expectManifest(segments: [UInt64], records: Int64) throws {
    let entries = Manifest(try files).read()
    #expect(entries.map(\.segment) == segments)
    #expect(entries.flatMap(\.hours).map(\.records).reduce(0, +) == records)
    for (entry, following) in zip(entries, entries.dropFirst()) {
      #expect(entry.end == following.start)
    }
  }

  private func expectBeyondRetention(deleted: Int) throws {
    let verified = try service.verify()
    #expect(verified.status == 3, "\(verified)")
    #expect(verified.output.contains("\(deleted) segments"), "\(verified)")
    #expect(verified.output.hasSuffix("beyond retention\n"), "\(verified)")
  }
}
