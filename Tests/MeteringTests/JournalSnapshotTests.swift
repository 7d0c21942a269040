import Foundation
import SegmentLog
import Testing
import Wire

@testable import Metering

/// The bytes of snapshots, of this version and of the one before.
@Suite("Snapshots")
struct JournalSnapshotTests {
  /// What stands in the article.
  static let segment = LoggedSegment(
    start: Checkpoint(position: LogPosition(3), chain: 0x0203_0405_0607_0809),
    created: Timestamp(milliseconds: 3_600_000), lastArrival: Timestamp(milliseconds: 3_600_001),
    lastHour: Hour(index: 1),
    sums: [
      LoggedSegment.Sum(
        place: .init(hour: Hour(index: 1), kind: .traffic), sums: .init(count: 1, quantity: 5)),
      LoggedSegment.Sum(
        place: .init(hour: Hour(index: 1), kind: .storage), sums: .init(count: 1, quantity: -1)),
    ], tenants: [1])

  /// A snapshot as it was written before it knew the segment before.
  private static let old = """
    01 fe ef fe a1 fa 9d 73 01 0c 61 20 3d 20 31 0a 62 20 3d 20 c3 bc fe ef
    fe a1 fa 9d 73 00 02 01 ae bc 90 43 01 00 80 ba b7 03 80 80 80 80 80 80
    80 80 10 ff ff ff ff ff ff ff ff 01 fe ff ff ff ff ff ff ff ff ff ff ff
    ff ff ff ff 00 00 00 00 00 00 00 00 00 80 80 80 80 80 80 80 80 10 ff ff
    ff ff ff ff ff ff 02 01 61 01 c0 0a 01 ce e1 0b 01 62 00 00 01 05 61 67
    65 6e 74 ff ff ff ff ff ff ff ff ff ff ff ff ff ff ff ff ff 01 fe ef fe
    a1 fa 9d 73 03 01 02 03
    """

  private static func bytes(_ text: some StringProtocol) -> [UInt8] {
    text.split(whereSeparator: \.isWhitespace).compactMap { UInt8($0, radix: 16) }
  }

  /// The fenced block ` ```hex segment-before ` of the article.
  private static func vector() throws -> [UInt8] {
    let article = URL(filePath: #filePath)
      .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
      .appending(path: "Sources/Metering/Metering.docc/UsageBlocks.md")
    let text = try String(contentsOf: article, encoding: .utf8)
    let start = try #require(text.range(of: "```hex segment-before\n"))
    let end = try #require(text.range(of: "```", range: start.upperBound..<text.endIndex))
    return bytes(text[start.upperBound..<end.lowerBound])
  }

  @Test func theOlderVersionIsRead() throws {
    let old = Self.bytes(Self.old)
    var older = JournalControlTests.snapshot
    older.tenants[0].finalized = .init(period: .latest, openFrom: Hour(containing: .latest))
    var entry = ControlEntry.snapshot(older)
    #expect(try ControlEntry(decoding: old, at: LogPosition(0)) == entry)
    let behind: [UInt8] = old + [0]
    #expect(throws: JournalError.self) {
      _ = try ControlEntry(decoding: behind, at: LogPosition(0))
    }
    // Periods of an older version are calendar months, and it knows neither calendars nor when a
    // source was complete.
    var snapshot = JournalControlTests.snapshot
    snapshot.configuration?.calendars = try JournalControlTests.calendars()
    snapshot.sources[0].completeThrough = Timestamp(milliseconds: 7)
    snapshot.sources[0].accepted = [2...4, 9...9]
    snapshot.voided = [3, 1 << 40].map { LogPosition($0) }
    snapshot.replayed = [.init(number: 5, position: LogPosition(9))]
    entry = .snapshot(snapshot)
    #expect(try ControlEntry(decoding: entry.encoded(), at: LogPosition(0)) == entry)
    let alone = entry.encoded()
    snapshot.previous = Self.segment
    entry = .snapshot(snapshot)
    #expect(try entry.encoded() == alone.dropLast() + [1] + Self.vector())
  }

  private func problem(_ change: (inout LoggedSegment) -> Void) -> String? {
    var snapshot = JournalControlTests.snapshot
    var segment = Self.segment
    change(&segment)
    snapshot.previous = segment
    do {
      _ = try ControlEntry(
        decoding: ControlEntry.snapshot(snapshot).encoded(), at: LogPosition(0))
      return nil
    } catch { return error.problem }
  }

  @Test func whatContradictsItselfIsRefused() {
    #expect(problem { _ in } == nil)
    #expect(problem { $0.tenants = [0, 1] } == nil)
    #expect(problem { $0.tenants = [2] }?.contains("3 behind place -1 of 2") == true)
    #expect(problem { $0.tenants = [1, 2] }?.contains("1 behind place 1 of 2") == true)
    #expect(problem { $0.sums.swapAt(0, 1) }?.contains("ascending") == true)
    #expect(problem { $0.sums[1] = $0.sums[0] }?.contains("ascending") == true)
    // Voids may outweigh what else a segment has of an hour.
    #expect(problem { $0.sums[0].sums.count = -1 } == nil)
    let hour = Hour(index: -1)
    #expect(problem { $0.sums[0].place.hour = hour }?.contains("an hour of a segment") == true)
    #expect(problem { $0.created = Timestamp(milliseconds: -1) }?.contains("a time of -1") == true)
    #expect(
      problem { $0.lastArrival = Timestamp(milliseconds: .max) }?.contains("a time of") == true)
    #expect(problem { $0.lastHour = hour }?.contains("last hour") == true)
  }
}
