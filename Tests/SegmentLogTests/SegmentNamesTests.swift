import SegmentLog
import Testing

/// Names on disk.
@Suite struct SegmentNamesTests {
  @Test func namesArePadded() {
    #expect(SegmentNames.partition(0) == "partitions/00000")
    #expect(SegmentNames.partition(.max) == "partitions/65535")
    #expect(SegmentNames.segment(7) == "segments/00000000000000000007.wbs")
    #expect(SegmentNames.segment(.max) == "segments/18446744073709551615.wbs")
    #expect(
      SegmentNames.tornTail(segment: 7, offset: 80) == "torn/00000000000000000007-80.tail")
  }

  @Test(arguments: [0, 1, 99, UInt64.max])
  func segmentNumbersRoundTrip(number: UInt64) {
    let name = SegmentNames.segment(number).dropFirst(SegmentNames.segments.count + 1)
    #expect(SegmentNames.segmentNumber(of: String(name)) == number)
  }

  @Test(arguments: [
    "", ".wbs", "7.wbs", "00000000000000000007", "00000000000000000007.wbs.tmp",
    "0000000000000000007x.wbs", "-0000000000000000007.wbs", "18446744073709551616.wbs",
    "99999999999999999999.wbs", "000000000000000000007.wbs", "٠0000000000000000007.wbs",
  ])
  func otherFilesAreNoSegments(name: String) {
    #expect(SegmentNames.segmentNumber(of: name) == nil)
  }
}
