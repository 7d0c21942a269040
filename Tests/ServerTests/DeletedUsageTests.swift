import Metering
import Testing
import Wire

@testable import Server

/// Which periods and rows the segments that retention deleted may have had a part of.
@Suite struct DeletedUsageTests {
  private static let january = PeriodBounds(monthOf: BillingPeriod(month: 56 * 12))
  private var start: Hour { Self.january.start }
  private var end: Hour { Self.january.end }

  /// A deleted segment by the hours that it had compute of, and its last arrival.
  private typealias Segment = (hours: [Hour], lastArrival: Timestamp)

  private func deleted(_ segments: [Segment]) throws -> DeletedUsage {
    let entries = segments.enumerated().map { number, segment in
      ManifestEntry(
        segment: UInt64(number), start: UInt64(number) * 10, end: UInt64(number) * 10 + 10,
        chain: "a", bytes: 1, created: segment.lastArrival.text,
        lastArrival: segment.lastArrival.text,
        hours: segment.hours.map {
          ManifestEntry.HourSums(hour: $0.text, kind: "compute", records: 2, quantity: "3")
        })
    }
    return try DeletedUsage(
      entries, before: UInt64(segments.count), at: UInt64(segments.count) * 10)
  }

  private func hour(_ hour: Hour, _ distance: Int32) -> Hour {
    Hour(index: hour.index + distance)
  }

  /// The last millisecond before an hour.
  private func before(_ hour: Hour) -> Timestamp {
    Timestamp(milliseconds: hour.start.milliseconds - 1)
  }

  @Test func nothingWasDeleted() throws {
    #expect(DeletedUsage.none.spares(Self.january))
    #expect(try deleted([]).spares(Self.january))
  }

  @Test func usageOfItsHoursCounts() throws {
    for (place, isSpared) in [
      (hour(start, -1), true), (start, false), (hour(end, -1), false), (end, true),
    ] {
      #expect(
        try deleted([([place], before(start))]).spares(Self.january) == isSpared, "\(place.text)")
    }
  }

  @Test func olderUsageCountsOnceThePeriodHadBegun() throws {
    let older = [hour(start, -700), hour(start, -1)]
    #expect(try deleted([(older, before(start))]).spares(Self.january))
    #expect(try !deleted([(older, start.start)]).spares(Self.january))
    // What counts in a later period is not booked in an earlier one.
    #expect(try deleted([([end], hour(end, 5).start)]).spares(Self.january))
  }

  /// Time goes on in segments without usage, and with usage of other periods.
  @Test func arrivalsOfOtherSegmentsDoNotCount() throws {
    #expect(try deleted([([], end.start)]).spares(Self.january))
    #expect(
      try deleted([([hour(start, -1)], before(start)), ([], hour(start, 5).start)])
        .spares(Self.january))
    #expect(
      try !deleted([([], before(start)), ([hour(start, -1)], hour(start, 5).start)])
        .spares(Self.january))
  }

  @Test func aRowIsGoneWithItsHourAndKind() throws {
    let deleted = try deleted([([hour(start, -1)], before(start)), ([start], start.start)])
    let place = SegmentSummary.HourKind(hour: hour(start, -1), kind: .compute)
    #expect(deleted.mayHold(place, bookingStart: nil))
    #expect(!deleted.mayHold(place, bookingStart: start))
    #expect(deleted.mayHold(.init(hour: start, kind: .compute), bookingStart: nil))
    #expect(deleted.mayHold(.init(hour: start, kind: .compute), bookingStart: start))
    #expect(!deleted.mayHold(.init(hour: start, kind: .storage), bookingStart: nil))
    #expect(!deleted.mayHold(.init(hour: end, kind: .compute), bookingStart: nil))
    #expect(deleted.sums[place] == .init(count: 2, quantity: 3))
  }

  @Test func whatTheManifestDoesNotSayIsNotJudged() {
    var entries = (0..<2).map { number in
      ManifestEntry(
        segment: number, start: number * 10, end: number * 10 + 10, chain: "a", bytes: 1,
        created: start.text, lastArrival: start.text,
        hours: [.init(hour: start.text, kind: "compute", records: .max, quantity: "1")])
    }
    #expect(throws: Never.self) { try DeletedUsage(entries, before: 2, at: 20) }
    #expect(throws: CommandFailure.self) { try DeletedUsage(entries, before: 2, at: 21) }
    #expect(throws: CommandFailure.self) { try DeletedUsage([entries[1]], before: 2, at: 20) }
    entries[1].hours[0].hour = "today"
    #expect(throws: CommandFailure.self) { try DeletedUsage(entries, before: 2, at: 20) }
    entries[1].hours = []
    entries[1].chain = "x"
    #expect(throws: CommandFailure.self) { try DeletedUsage(entries, before: 2, at: 20) }
  }
}
