import Foundation
import Metering
import SegmentLog
import Testing

@testable import Server

@Suite("How far a log reaches")
struct LogExtentTests {
  private let scratch: ScratchDirectory
  private let files: PartitionFiles

  init() throws {
    scratch = try ScratchDirectory()
    files = PartitionFiles("\(scratch.path)/partition")
    try files.prepare()
  }

  private func extent(_ segments: [(number: UInt64, bytes: [UInt8])]) throws -> LogExtent {
    for number in try files.segmentNumbers() { try files.removeSegment(number) }
    for segment in segments {
      try Data(segment.bytes).write(to: URL(fileURLWithPath: files.segment(segment.number)))
    }
    return try LogExtent(files)
  }

  private func end(of bytes: [UInt8], _ number: UInt64) throws -> ChainPoint {
    let span = bytes.span
    var reader = try unsafe SegmentReader(span.bytes, segment: number)
    while try reader.next() != nil {}
    return reader.end
  }

  @Test func fromTheFirstHeaderToTheLastBlock() throws {
    let log = try LedgerLog()
    let end = log.end.position.rawValue
    let arrival: Int64 = 1_769_896_800_000
    #expect(try extent([]).positions == 0...0)
    #expect(try extent([]).lastArrival == .min)
    let whole = try extent(log.segments)
    #expect(whole.positions == 0...end && whole.lastArrival == arrival)
    let first = try self.end(of: log.segments[0].bytes, 1).position.rawValue
    #expect(try extent([log.segments[0]]).positions == 0...first)
    #expect(try extent(Array(log.segments.dropFirst())).positions == first...end)
    // What was allocated and not written.
    var zeros = log.segments
    zeros[2].bytes += [UInt8](repeating: 0, count: 8_192)
    #expect(try extent(zeros).positions == 0...end)
  }

  @Test func aTornEndIsLeftOut() throws {
    let whole = try LedgerLog()
    let second = try end(of: whole.segments[1].bytes, 2).position.rawValue
    var log = whole
    let offset = try log.tear()
    let valid = try end(of: Array(log.segments[2].bytes[..<offset]), 3).position.rawValue
    #expect(try extent(log.segments).positions == 0...valid)
    // Nothing but a header, and not even that.
    log.segments[2].bytes.removeSubrange(SegmentHeader.byteCount...)
    let header = try extent(log.segments)
    #expect(header.positions == 0...second && header.lastArrival == 1_769_896_800_000)
    log.tear(to: 20)
    #expect(try extent(log.segments).positions == 0...second)
    #expect(try extent([log.segments[2]]).positions == 0...0)
  }
}
