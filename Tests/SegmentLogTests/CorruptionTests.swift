import SegmentLog
import Testing

/// The table of named corruptions, and the durability mark.
@Suite struct CorruptionTests {
  let log = SampleLog()

  @Test(arguments: Corruption.all)
  func corruptionHasItsOutcome(corruption: Corruption) {
    var bytes = log.bytes
    corruption.corrupt(&bytes, log)
    expect(corruption.unmarked, from: bytes, mark: nil)
    expect(corruption.marked, from: bytes, mark: DurabilityMark(end: log.places[3]))
  }

  private func expect(
    _ outcome: Corruption.Outcome, from bytes: [UInt8], mark: DurabilityMark?
  ) {
    let scan = SegmentScan(
      ofLast: bytes.rawSpan, segment: SampleLog.number, after: SampleLog.start, mark: mark)
    switch scan.decision {
    case .intact:
      #expect(outcome == .intact(blocks: scan.blockCount))
    case .truncate(let offset, let found):
      #expect(outcome == .torn(found.fault, blocks: scan.blockCount))
      #expect(offset == scan.validLength)
      #expect(found == Reading(bytes, after: SampleLog.start).error)
    case .damaged(let found):
      #expect(outcome == .damaged(found.fault, blocks: scan.blockCount))
      #expect(found.segment == SampleLog.number)
      #expect(found.offset == scan.validLength)
    }
  }

  @Test func cutAtTheTornOffsetIsIntact() {
    for corruption in Corruption.all {
      var bytes = log.bytes
      corruption.corrupt(&bytes, log)
      let scan = SegmentScan(ofLast: bytes.rawSpan, segment: SampleLog.number, mark: nil)
      guard case .truncate(let offset, _) = scan.decision, offset > 0 else { continue }
      let repaired = Array(bytes[..<offset]) + [UInt8](repeating: 0, count: 64)
      let again = SegmentScan(ofLast: repaired.rawSpan, segment: SampleLog.number, mark: nil)
      #expect(again.decision == .intact)
      #expect(again.end == scan.end)
    }
  }

  @Test func markOfAnotherChainIsDamage() {
    for (index, place) in log.places.enumerated() {
      let mark = DurabilityMark(end: ChainPoint(position: place.position, chain: place.chain ^ 1))
      let scan = SegmentScan(ofLast: log.bytes.rawSpan, segment: SampleLog.number, mark: mark)
      #expect(
        scan.decision
          == .damaged(
            SegmentError(
              .markChain, segment: SampleLog.number, offset: log.borders[index],
              expected: place.chain ^ 1, found: place.chain)))
    }
  }

  @Test func markInsideABlockIsDamage() {
    let mark = DurabilityMark(end: ChainPoint(position: LogPosition(101), chain: 1))
    let scan = SegmentScan(ofLast: log.bytes.rawSpan, segment: SampleLog.number, mark: mark)
    #expect(
      scan.decision
        == .damaged(
          SegmentError(
            .markPosition, segment: SampleLog.number, offset: log.borders[1], expected: 101,
            found: 103)))
  }

  @Test func markOfAnEarlierSegmentSaysNothing() {
    let mark = DurabilityMark(end: ChainPoint(position: LogPosition(99), chain: 1))
    let torn = log.bytes + [1]
    #expect(
      SegmentScan(ofLast: log.bytes.rawSpan, segment: SampleLog.number, mark: mark).decision
        == .intact)
    let scan = SegmentScan(ofLast: torn.rawSpan, segment: SampleLog.number, mark: mark)
    guard case .truncate(log.bytes.count, _) = scan.decision else {
      Issue.record("\(scan.decision)")
      return
    }
  }

  @Test func newSegmentWithoutHeaderIsTornOnlyIfTheMarkDoesNotReachPastIt() {
    let zeros = [UInt8](repeating: 0, count: 4_096)
    for (position, isTorn) in [(99, true), (100, true), (101, false)] as [(UInt64, Bool)] {
      let mark = DurabilityMark(end: ChainPoint(position: LogPosition(position), chain: 0xFEED))
      let scan = SegmentScan(
        ofLast: zeros.rawSpan, segment: SampleLog.number, after: SampleLog.start, mark: mark)
      if case .truncate(0, _) = scan.decision { #expect(isTorn) } else { #expect(!isTorn) }
    }
  }

  @Test func everyFlippedBitOfAMarkIsFound() throws {
    var bytes: [UInt8] = []
    let mark = DurabilityMark(end: log.places[2])
    mark.encode(into: &bytes)
    #expect(bytes.count == DurabilityMark.byteCount)
    #expect(try DurabilityMark(parsing: bytes.rawSpan) == mark)
    for bit in 0..<(bytes.count * 8) {
      var damaged = bytes
      damaged[bit / 8] ^= 1 << (bit % 8)
      #expect(throws: SegmentError.self) { try DurabilityMark(parsing: damaged.rawSpan) }
    }
    for length in 0..<bytes.count {
      let prefix = Array(bytes[..<length])
      #expect(throws: SegmentError.self) { try DurabilityMark(parsing: prefix.rawSpan) }
    }
    let longer = bytes + [0]
    #expect(throws: SegmentError.self) { try DurabilityMark(parsing: longer.rawSpan) }
  }
}
