import SegmentLog
import Testing
import Wire

@testable import Metering

/// What the outcomes of parts make of a batch.
@Suite struct OutcomeMergeTests {
  private typealias Disposition = BatchOutcome.Disposition

  /// A part with one batch.
  private struct Part {
    var disposition = Disposition.judged
    var counts = VerdictCounts()
    /// The code of each record of the batch.
    var codes: [UInt8] = []
    var missing: [ClosedRange<UInt64>] = []
    var arrival: Int64 = 1
    var highest: UInt64 = 9

    var outcomes: PartOutcomes {
      var outcomes = PartOutcomes()
      outcomes.exceptions = AckExceptions(codes: codes.span).bytes
      outcomes.missing = missing
      outcomes.outcomes = [
        BatchOutcome(
          frame: 0, disposition: disposition,
          receipt: Receipt(
            counts: counts, position: LogPosition(3),
            arrival: Timestamp(milliseconds: arrival)),
          exceptions: 0..<outcomes.exceptions.count, missing: 0..<missing.count,
          highestKnown: highest)
      ]
      return outcomes
    }
  }

  /// Merges parts of a batch of four records.
  private func merge(_ parts: Part...) throws -> (outcome: BatchOutcome, all: PartOutcomes) {
    var columns = UsageColumns()
    try columns.append([TestBatch(sequence: 9, records: (0..<4).map { .test($0) })])
    var merge = OutcomeMerge()
    merge.merge(parts.map(\.outcomes), of: columns)
    return (try #require(merge.merged.outcomes.first), merge.merged)
  }

  @Test func countsExceptionsAndGapsAreUnited() throws {
    let (outcome, all) = try merge(
      Part(
        counts: VerdictCounts(accepted: 1, duplicate: 1), codes: [0, 1, 0, 0],
        missing: [2...3, 7...7], arrival: 5, highest: 9),
      Part(disposition: .resent),
      Part(
        disposition: .resent, counts: VerdictCounts(duplicate: 1, rejected: 1),
        codes: [17, 0, 1, 0], missing: [1...2, 4...4, 8...8], arrival: 7, highest: 8))
    #expect(outcome.disposition == .judged && outcome.highestKnown == 9)
    #expect(outcome.receipt.arrival.milliseconds == 7)
    #expect(outcome.receipt.position == LogPosition(0))
    #expect(outcome.receipt.counts == VerdictCounts(accepted: 1, duplicate: 2, rejected: 1))
    let codes: [UInt8] = [17, 1, 1, 0]
    #expect(Array(all.exceptions[outcome.exceptions]) == AckExceptions(codes: codes.span).bytes)
    #expect(Array(all.missing[outcome.missing]) == [1...4, 7...8])
  }

  @Test func gapsUpToTheHighestSequenceAreUnited() throws {
    let (outcome, all) = try merge(
      Part(counts: VerdictCounts(accepted: 4), missing: [2...UInt64.max], highest: .max),
      Part(missing: [1...1, 3...UInt64.max], highest: .max))
    #expect(Array(all.missing[outcome.missing]) == [1...UInt64.max])
  }

  @Test func noMoreRangesAreNamedThanAnAckHas() throws {
    let whole = VerdictCounts(accepted: 4)
    let ranges = (1...30 as ClosedRange<UInt64>).map { 2 * $0...2 * $0 }
    let (outcome, all) = try merge(
      Part(counts: whole, missing: ranges.enumerated().filter { $0.0 % 2 == 0 }.map(\.1)),
      Part(missing: ranges.enumerated().filter { $0.0 % 2 == 1 }.map(\.1)))
    #expect(Array(all.missing[outcome.missing]) == Array(ranges.prefix(16)))
  }

  private static let dispositions: [(Disposition, Disposition, Disposition)] = [
    (.judged, .judged, .judged), (.judged, .resent, .judged), (.resent, .resent, .resent),
    (.judged, .archived, .archived), (.resent, .archived, .archived), (.judged, .copy, .copy),
    (.archived, .copy, .copy), (.copy, .refused(.draining), .refused(.draining)),
    (.archived, .refused(.queueFull), .refused(.queueFull)),
    (.judged, .refused(.sourceNotAllowed), .refused(.sourceNotAllowed)),
    (.refused(.sourceNotAllowed), .refused(.tooManyGaps), .refused(.tooManyGaps)),
    (.refused(.diskReserve), .refused(.malformedBody), .refused(.diskReserve)),
  ]

  @Test(arguments: dispositions.indices)
  func dispositionsMakeOne(index: Int) throws {
    let (one, other, expected) = Self.dispositions[index]
    let parts = (
      Part(disposition: one, counts: VerdictCounts(accepted: 3)),
      Part(disposition: other, counts: VerdictCounts(accepted: 1))
    )
    #expect(try merge(parts.0, parts.1).outcome.disposition == expected)
    #expect(try merge(parts.1, parts.0).outcome.disposition == expected)
  }

  /// A source that sends another batch under a sequence that some partitions have judged.
  @Test func partsOfDifferentBatchesAreArchived() throws {
    let two = VerdictCounts(accepted: 1, duplicate: 1)
    let cases: [(Part, Part)] = [
      // Too few records, too many, none at all.
      (Part(counts: two, codes: [1]), Part(disposition: .resent)),
      (Part(counts: VerdictCounts(accepted: 4)), Part(disposition: .resent, counts: two)),
      (Part(disposition: .resent), Part()),
      // Two verdicts on one record.
      (Part(counts: two, codes: [0, 1]), Part(disposition: .resent, counts: two, codes: [0, 1])),
      // A record that the batch does not have.
      (
        Part(counts: two, codes: [1]),
        Part(disposition: .resent, counts: two, codes: [0, 0, 0, 0, 1])
      ),
    ]
    for (one, other) in cases {
      let (outcome, all) = try merge(one, other)
      #expect(outcome.disposition == .archived)
      #expect(outcome.exceptions.isEmpty && all.exceptions.isEmpty)
    }
  }
}
