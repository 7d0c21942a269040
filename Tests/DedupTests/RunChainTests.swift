import Testing

@testable import Dedup

@Suite("Run chain")
struct RunChainTests {
  /// A run whose positions and arrivals are the same numbers.
  private func header(
    _ number: UInt64, _ range: ClosedRange<UInt64>, end: UInt64? = nil
  ) -> RunHeader {
    RunHeader(
      owner: .sample, number: number,
      span: RunSpan(
        from: place(range.lowerBound), through: place(range.upperBound),
        end: end ?? range.upperBound, after: Int64(range.lowerBound),
        firstArrival: Int64(range.lowerBound), lastArrival: Int64(range.upperBound)),
      keyCount: 1, filterBlockCount: 1, fencesChecksum: 0, filterChecksum: 0)
  }

  private func place(_ position: UInt64) -> LogPlace {
    LogPlace(position: position, chain: position &* 7)
  }

  private func chain(
    _ headers: [RunHeader], log: ClosedRange<UInt64> = 0...100, expired: Int64 = 0
  ) -> (used: [UInt64], through: UInt64, lostThrough: Int64?) {
    let chain = RunChain(headers, log: log, expired: expired)
    #expect(chain.through == place(chain.through.position))
    return (chain.used, chain.through.position, chain.lostThrough)
  }

  /// A run that begins or ends within a block.
  private func header(
    _ number: UInt64, _ range: ClosedRange<UInt64>, start: UInt64, end: UInt64
  ) -> RunHeader {
    var header = header(number, range, end: end)
    header.span.start = start
    return header
  }

  @Test("of several generations that close within one block none is forgotten")
  func withinOneBlock() {
    let headers = [
      header(1, 0...10, end: 12), header(2, 10...10, start: 12, end: 14),
      header(3, 10...20, start: 14, end: 20),
    ]
    #expect(chain(headers) == ([1, 2, 3], 20, nil))
    #expect(chain([headers[0], headers[2]]) == ([1], 10, nil))
    #expect(chain([headers[0], headers[2]], log: 12...100) == ([3], 20, 10))
    // The first of them begins with the log, the second one only in its first block.
    let first = [
      header(1, 0...0, end: 3), header(2, 0...0, start: 3, end: 5),
      header(3, 0...10, start: 5, end: 10),
    ]
    #expect(chain(first) == ([1, 2, 3], 10, nil))
    #expect(chain([first[1], first[2]]) == ([], 0, nil))
    #expect(chain([first[1], first[2]], log: 5...100) == ([2, 3], 10, 0))
    // After a start a run may hold only keys that the one before has. When that one has left, it
    // still tells that nothing else is missing.
    var again = header(2, 10...10, start: 14, end: 14)
    again.span.after = 5
    #expect(chain([again, headers[2]], log: 10...100, expired: 6) == ([2, 3], 20, nil))
  }

  @Test("runs that join are used, in any order of their files")
  func joined() {
    let headers = [header(3, 20...30), header(1, 0...10), header(2, 10...20)]
    #expect(chain(headers) == ([1, 2, 3], 30, nil))
    #expect(chain([]) == ([], 0, nil))
  }

  @Test("the oldest run may begin late if what was before has left the window")
  func departed() {
    let headers = [header(2, 10...20), header(3, 20...30)]
    #expect(chain(headers, log: 15...100, expired: 11) == ([2, 3], 30, nil))
    // A departed run whose file is still there, with a gap behind it, changes nothing.
    #expect(chain(headers + [header(1, 0...5)], expired: 11) == ([2, 3], 30, nil))
  }

  @Test("a merged run stands for its parts, whichever of them are still there")
  func merged() {
    let parts = [header(1, 0...10), header(2, 10...20), header(3, 20...30)]
    let merged = header(5, 0...20)
    for left in 0..<4 {
      let found = [merged, parts[2]] + (0..<2).filter { left >> $0 & 1 == 1 }.map { parts[$0] }
      #expect(chain(found) == ([5, 3], 30, nil))
    }
    #expect(chain([header(9, 0...30)] + parts) == ([9], 30, nil))
  }

  @Test("a missing run is rebuilt from the log, with what follows it")
  func missing() {
    let headers = [header(1, 0...10), header(3, 20...30)]
    #expect(chain(headers) == ([1], 10, nil))
    #expect(chain(headers, log: 10...100) == ([1], 10, nil))
    #expect(chain([header(3, 20...30)]) == ([], 0, nil))
  }

  @Test("what neither runs nor the log have is lost, and said")
  func lost() {
    let headers = [header(1, 0...10), header(3, 20...30)]
    #expect(chain(headers, log: 15...100) == ([3], 30, 20))
    #expect(chain([header(3, 20...30)], log: 5...100) == ([3], 30, 20))
    // Of two gaps the newest chain stands.
    let more = headers + [header(5, 40...50)]
    #expect(chain(more, log: 35...100) == ([5], 50, 40))
  }

  @Test("a run from another history of the log is not used")
  func otherHistory() {
    let headers = [header(1, 0...10), header(2, 10...20, end: 23)]
    #expect(chain(headers, log: 0...22) == ([1], 10, nil))
    #expect(chain(headers, log: 0...23) == ([1, 2], 20, nil))
    var other = header(2, 10...20)
    other.span.from.chain = 1
    #expect(chain([headers[0], other]) == ([1], 10, nil))
  }
}
