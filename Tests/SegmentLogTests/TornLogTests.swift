import SegmentLog
import Testing

/// Every prefix and every flipped bit of a log of three blocks, with the exact survivors.
@Suite struct TornLogTests {
  let log = SampleLog()

  @Test func wholeLogIsIntact() {
    let reading = Reading(log.bytes, after: SampleLog.start)
    #expect(reading.error == nil)
    #expect(reading.offset == log.bytes.count)
    #expect(reading.headers.map(\.kind) == [.usage, .control, .usage])
    #expect(reading.headers.map(\.start) == Array(log.places[..<3]))
    #expect(reading.headers.map(\.end) == Array(log.places[1...]))
    #expect(reading.headers.map(\.entryCount) == [3, 1, 2])
    #expect(reading.headers.map(\.firstArrival) == [10, 20, 21])
    #expect(reading.headers.map(\.lastArrival) == [20, 20, 30])
    #expect(reading.raw == [[UInt8](1...32), [], [UInt8](200...215)])
    #expect(reading.columns[1...] == [[UInt8](40...60), []])
  }

  @Test func everyPrefixKeepsItsWholeBlocks() {
    for length in 0...log.bytes.count {
      let prefix = Array(log.bytes[..<length])
      expectSurvivors(of: prefix, isClean: log.borders.contains(length))
    }
  }

  @Test func everyPrefixBeforeZerosKeepsItsWholeBlocks() {
    let whole = log.bytes + [UInt8](repeating: 0, count: 100)
    for length in 0...log.bytes.count {
      var segment = Array(log.bytes[..<length])
      segment += [UInt8](repeating: 0, count: whole.count - length)
      let border = log.survivors(in: segment).map { log.borders[$0] } ?? 0
      let rest = segment[border...]
      expectSurvivors(of: segment, isClean: border > 0 && rest.allSatisfy { $0 == 0 })
    }
  }

  @Test func everyFlippedBitIsFound() throws {
    for bit in 0..<(log.bytes.count * 8) {
      var damaged = log.bytes
      damaged[bit / 8] ^= 1 << (bit % 8)
      let index = log.borders.lastIndex { $0 <= bit / 8 }
      let reading = Reading(damaged)
      #expect(reading.headers.count == index ?? 0)
      let error = try #require(reading.error)
      #expect(error.segment == SampleLog.number)
      #expect(error.offset == index.map { log.borders[$0] } ?? 0)
      for marked in -1...3 {
        let scan = SegmentScan(
          ofLast: damaged.rawSpan, segment: SampleLog.number, mark: mark(marked))
        #expect(scan.blockCount == index ?? 0)
        #expect(scan.end == index.map { log.places[$0] })
        // Neither a bad header before blocks nor a newer version is a torn write.
        let isNewer = error.fault == .version && error.found > 1
        if let index, marked <= index, !isNewer {
          #expect(scan.decision == .truncate(at: log.borders[index], found: error))
        } else {
          #expect(scan.decision == .damaged(error))
        }
      }
    }
  }

  /// The mark behind so many blocks; none for a negative number.
  private func mark(_ blocks: Int) -> DurabilityMark? {
    blocks < 0 ? nil : DurabilityMark(end: log.places[blocks])
  }

  /// Reads and scans a segment that starts like the log, with a mark at every place.
  private func expectSurvivors(of segment: [UInt8], isClean: Bool) {
    let survivors = log.survivors(in: segment)
    let border = survivors.map { log.borders[$0] } ?? 0
    let reading = Reading(segment)
    #expect(reading.headers.count == survivors ?? 0)
    #expect((reading.error == nil) == isClean)
    #expect(reading.offset == survivors.map { log.borders[$0] })
    for marked in -1...3 {
      let scan = SegmentScan(
        ofLast: segment.rawSpan, segment: SampleLog.number, after: SampleLog.start,
        mark: mark(marked))
      #expect(scan.blockCount == survivors ?? 0)
      #expect(scan.end == survivors.map { log.places[$0] })
      #expect(scan.validLength == border)
      #expect(scan.contentLength == (segment.lastIndex { $0 != 0 }.map { $0 + 1 } ?? 0))
      switch scan.decision {
      case .intact: #expect(isClean && marked <= survivors ?? 0)
      case .truncate(let offset, let found):
        #expect(!isClean && marked <= survivors ?? 0)
        #expect(offset == border)
        #expect(found == reading.error)
      case .damaged(let found):
        #expect(marked > survivors ?? 0)
        #expect(found.fault == (isClean ? .markPosition : reading.error?.fault))
      }
    }
  }
}
