import Foundation
import Metering
import SegmentLog
import Testing

@testable import Server

@Suite("Reading a log ahead") struct LogReadAheadTests {
  /// Segments in memory; the thread that reads holds it.
  private final class Memory: LogSource {
    private let log: LedgerLog

    init(_ log: LedgerLog) { self.log = log }

    var numbers: [UInt64] { log.segments.map(\.number) }

    func withSegment(_ number: UInt64, _ body: (RawSpan) throws -> Void) throws {
      for segment in log.segments where segment.number == number {
        let bytes = segment.bytes.span
        try unsafe body(bytes.bytes)
      }
    }
  }

  /// What is told of a piece.
  private func note(_ piece: LogPiece) -> String {
    switch piece {
    case .torn(let tail): "torn \(tail.segment): \(tail.range)"
    case .begin(let header): "begin \(header.number)"
    case .block(let block): note(block.start, block.end)
    case .end(let segment, let length, let isWhole):
      "end \(segment): \(length)" + (isWhole ? "" : ", its head")
    }
  }

  private func note(_ start: ChainPoint, _ end: ChainPoint) -> String {
    "block \(start.position.rawValue)-\(end.position.rawValue), chain \(end.chain)"
  }

  /// Reads a log until it ends, or for some pieces; slowly, so that the thread is ahead.
  private func read(
    _ memory: Memory, limit: Int = .max, mark: DurabilityMark? = nil
  ) -> (notes: [String], error: (any Error)?) {
    let ahead = LogReadAhead(memory, segments: memory.numbers, mark: mark)
    defer { ahead.stop() }
    var notes: [String] = []
    do {
      while notes.count < limit, let piece = try ahead.next() {
        notes.append(note(piece))
        usleep(500)
      }
      return (notes, nil)
    } catch { return (notes, error) }
  }

  private func read(_ log: LedgerLog) -> (notes: [String], error: (any Error)?) {
    read(Memory(log))
  }

  /// What a log gives, read without a thread.
  private func expected(_ log: LedgerLog) throws -> [String] {
    var notes: [String] = []
    for (number, bytes) in log.segments {
      let span = bytes.span
      var reader = try unsafe SegmentReader(span.bytes, segment: number)
      notes.append("begin \(number)")
      while let block = try reader.next() {
        notes.append(note(block.header.start, block.header.end))
      }
      notes.append("end \(number): \(bytes.count)")
    }
    return notes
  }

  @Test func theOrderIsThatOfTheLog() throws {
    let log = try LedgerLog()
    #expect(log.segments.map(\.number) == [1, 2, 3])
    let (notes, error) = read(log)
    #expect(error == nil)
    #expect(try notes == expected(log))
    #expect(notes.count == LedgerLog.segmentCount * (LedgerLog.blockCount + 2))
  }

  @Test func ofSomeSegmentsOnlyTheHeadIsRead() throws {
    var log = try LedgerLog()
    let notes = try expected(log)
    // What is not read may be damaged, and what was allocated is not counted.
    try log.damage(block: 1, ofSegment: 1)
    let length = log.segments[1].bytes.count
    log.segments[1].bytes += [UInt8](repeating: 0, count: 4_096)
    let memory = Memory(log)
    let ahead = LogReadAhead(memory, segments: memory.numbers, heads: [2], mark: nil)
    defer { ahead.stop() }
    var found: [String] = []
    while let piece = try ahead.next() { found.append(note(piece)) }
    let pieces = LedgerLog.blockCount + 2
    let head = notes[pieces..<pieces + 2]
    #expect(
      found == notes[..<pieces] + head + ["end 2: \(length), its head"] + notes[(2 * pieces)...])
  }

  @Test func aBlockStaysAsItIsUntilTheNextPieceIsAskedFor() throws {
    let memory = Memory(try LedgerLog())
    let ahead = LogReadAhead(memory, segments: memory.numbers, mark: nil)
    defer { ahead.stop() }
    var blocks: Set<ObjectIdentifier> = []
    while let piece = try ahead.next() {
      guard case .block(let block) = piece else { continue }
      let start = block.start
      // Time enough for the thread to fill every block that it has.
      usleep(1_000)
      #expect(block.start == start)
      blocks.insert(ObjectIdentifier(block))
    }
    #expect(blocks.count <= 4, "memory is bounded")
  }

  @Test func anEmptyLogEndsAtOnce() throws {
    let ahead = LogReadAhead(
      PartitionFiles("/nowhere"), segments: [], mark: DurabilityMark(end: .beginning))
    defer { ahead.stop() }
    for _ in 0..<2 {
      let note = try ahead.next().map(note)
      #expect(note == nil)
    }
  }

  @Test func anErrorComesBehindWhatStandsBeforeIt() throws {
    let whole = try LedgerLog()
    let notes = try expected(whole)
    for (segment, block) in [(0, 0), (0, 1), (1, 0), (1, 7), (1, LedgerLog.blockCount - 1)] {
      var log = whole
      try log.damage(block: block, ofSegment: segment)
      let offset = try whole.offsets(ofSegment: segment)[block]
      let found = read(log)
      let before = segment * (LedgerLog.blockCount + 2) + 1 + block
      #expect(found.notes == Array(notes.prefix(before)))
      let error = found.error as? SegmentError
      #expect(error?.fault == .checksum && error?.offset == offset)
      #expect(error?.segment == UInt64(segment + 1))
    }
  }

  @Test func anErrorIsToldAgain() throws {
    var log = try LedgerLog()
    try log.damage(block: 0, ofSegment: 0)
    let memory = Memory(log)
    let ahead = LogReadAhead(memory, segments: memory.numbers, mark: nil)
    defer { ahead.stop() }
    _ = try ahead.next()
    for _ in 0..<2 { #expect(throws: SegmentError.self) { _ = try ahead.next() } }
  }

  @Test func aMissingSegmentIsNamed() throws {
    let whole = try LedgerLog()
    var log = whole
    // The last one is looked at before, as one that may be torn.
    log.segments.append((4, log.segments[2].bytes))
    log.segments.remove(at: 1)
    let found = read(log)
    #expect(try found.notes == Array(expected(whole).prefix(LedgerLog.blockCount + 2)))
    #expect(found.error as? RecoveryError == .segmentMissing(expected: 2, found: 3))
  }

  @Test func theLastSegmentEndsWhereItIsValid() throws {
    let whole = try LedgerLog()
    let notes = try expected(whole)
    var log = whole
    let start = try log.tear()
    let length = log.segments[2].bytes.count
    let before = 2 * (LedgerLog.blockCount + 2)
    let torn = read(log)
    #expect(torn.error == nil)
    let blocks = notes.dropFirst(before).dropLast(2)
    #expect(
      torn.notes
        == notes.prefix(before) + ["torn 3: \(start..<length)"] + blocks + ["end 3: \(start)"])
    // What was synced cannot be torn.
    let damaged = read(Memory(log), mark: DurabilityMark(end: whole.end))
    #expect(damaged.notes == Array(notes.prefix(before)))
    #expect((damaged.error as? SegmentError)?.offset == start)
    // Not even the header was written.
    log.tear(to: 20)
    let begun = read(log)
    #expect(begun.error == nil)
    #expect(begun.notes == notes.prefix(before) + ["torn 3: 0..<20"])
  }

  @Test func theThreadEndsWhereverNobodyAsksAnyMore() throws {
    var damaged = try LedgerLog()
    try damaged.damage(block: 6, ofSegment: 1)
    for log in [try LedgerLog(), damaged] {
      for limit in [0, 1, 5, 20, .max] {
        var memory: Memory? = Memory(log)
        weak let held = memory
        if let memory { _ = read(memory, limit: limit) }
        memory = nil
        let end = Date(timeIntervalSinceNow: 60)
        while held != nil, Date() < end { usleep(1_000) }
        #expect(held == nil, "the thread still has the log after \(limit) pieces")
      }
    }
  }
}
