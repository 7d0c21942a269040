internal import Foundation
package import Metering
package import SegmentLog

/// Where the segments of a log are.
package protocol LogSource: Sendable {
  /// Lends the bytes of a segment for the length of a call.
  func withSegment(_ number: UInt64, _ body: (RawSpan) throws -> Void) throws
}

/// What a log holds, piece by piece in its order.
package enum LogPiece: Sendable {
  /// The last segment ends torn. If even its header is, nothing else of it follows.
  case torn(TornTail)
  /// A segment begins.
  case begin(SegmentHeader)
  /// A block of the segment, lent until the next piece is asked for.
  case block(LoggedBlock)
  /// The segment ends; the length is that up to the end of its last block, whether all of it or
  /// only its head was read.
  case end(segment: UInt64, length: Int, isWhole: Bool)
}

/// What a crash left behind the last valid block of the last segment.
package struct TornTail: Sendable {
  /// The number of the segment.
  package let segment: UInt64
  /// The bytes, from 0 on if even the segment's header is torn.
  package let range: Range<Int>
  /// What is wrong there.
  package let found: SegmentError
}

/// Reads and decodes a log on a thread of its own, a few blocks ahead of the thread that asks for
/// them.
///
/// An error comes where it stands in the log, behind the pieces before it. Nothing is changed.
package final class LogReadAhead: Sendable {
  /// Blocks that are decoded ahead or lent: enough that one slow block holds nobody up.
  private static let blockCount = 4

  /// What the threads share, under the condition's lock.
  private struct State {
    /// Pieces that wait to be asked for.
    var ready: [LogPiece] = []
    /// Blocks that wait to be used again.
    var free = (0..<blockCount).map { _ in LoggedBlock() }
    var lent: LoggedBlock?
    /// How reading ended, once it has.
    var end: Result<Void, any Error>?
    var isStopped = false
  }

  /// Nobody asks for the rest of the log.
  private struct Stopped: Error {}

  private let condition = MonotonicCondition()
  nonisolated(unsafe) private var state = State()

  /// Begins to read.
  ///
  /// - Parameters:
  ///   - source: where the segments are.
  ///   - segments: their numbers, ascending; the last one may have a torn tail.
  ///   - heads: those of which nothing but header and head are read; not the last one.
  ///   - mark: the durability mark; nil if none was ever written.
  package init(
    _ source: some LogSource, segments: [UInt64], heads: Set<UInt64> = [], mark: DurabilityMark?
  ) {
    let thread = Thread { [self] in
      Thread.current.name = "log-reader"
      let end = Result { try read(source, segments, heads, mark: mark) }
      condition.withLock {
        unsafe state.end = end
        condition.signal()
      }
    }
    thread.start()
  }

  /// Waits for the next piece; nil at the end of the log.
  ///
  /// - Throws: `SegmentError`, `JournalError`, `RecoveryError`, or what the source throws.
  package func next() throws -> LogPiece? {
    let piece: Result<LogPiece?, any Error> = condition.withLock {
      if let block = unsafe state.lent.take() {
        unsafe state.free.append(block)
        condition.signal()
      }
      while unsafe state.ready.isEmpty {
        if let end = unsafe state.end { return end.map { nil } }
        condition.wait()
      }
      let piece = unsafe state.ready.removeFirst()
      if case .block(let block) = piece { unsafe state.lent = block }
      return .success(piece)
    }
    return try piece.get()
  }

  /// Ends the thread, wherever it is; has to be called once no more pieces are asked for.
  package func stop() {
    condition.withLock {
      unsafe state.isStopped = true
      condition.signal()
      while unsafe state.end == nil { condition.wait() }
    }
  }
}

// What the thread does.
extension LogReadAhead {
  private func read(
    _ source: some LogSource, _ segments: [UInt64], _ heads: Set<UInt64>, mark: DurabilityMark?
  ) throws {
    var decoder = LogDecoder()
    for number in segments {
      try source.withSegment(number) { bytes in
        guard number == segments.last else {
          let isHead = heads.contains(number)
          return try isHead
            ? readHead(bytes, number, &decoder) : read(bytes, number, &decoder)
        }
        let scan = SegmentScan(ofLast: bytes, segment: number, after: decoder.end, mark: mark)
        switch scan.decision {
        case .intact: break
        case .damaged(let error): throw error
        case .truncate(let offset, let found):
          let range = offset..<scan.contentLength
          handOver(.torn(TornTail(segment: number, range: range, found: found)))
        }
        if scan.end == nil { return }
        try read(bytes.extracting(first: scan.validLength), number, &decoder)
      }
    }
  }

  private func read(_ bytes: RawSpan, _ number: UInt64, _ decoder: inout LogDecoder) throws {
    var reader = try decoder.begin(bytes, number: number)
    handOver(.begin(reader.header))
    while let next = try reader.next() {
      let block = try takeBlock()
      try decoder.decode(next, into: block)
      handOver(.block(block))
    }
    handOver(.end(segment: number, length: reader.offset, isWhole: true))
  }

  private func readHead(_ bytes: RawSpan, _ number: UInt64, _ decoder: inout LogDecoder) throws {
    var reader = try decoder.begin(bytes, number: number)
    handOver(.begin(reader.header))
    guard let head = try reader.next() else {
      throw RecoveryError.snapshotMissing(segment: number)
    }
    let block = try takeBlock()
    try decoder.decode(head, into: block)
    handOver(.block(block))
    decoder.passOver()
    let length = SegmentScan.contentLength(of: bytes)
    handOver(.end(segment: number, length: length, isWhole: false))
  }

  private func handOver(_ piece: LogPiece) {
    condition.withLock {
      unsafe state.ready.append(piece)
      condition.signal()
    }
  }

  /// Waits for a block that may be used again.
  private func takeBlock() throws(Stopped) -> LoggedBlock {
    let block: LoggedBlock? = condition.withLock {
      while unsafe state.free.isEmpty, unsafe !state.isStopped { condition.wait() }
      return unsafe state.isStopped ? nil : state.free.removeLast()
    }
    guard let block else { throw Stopped() }
    return block
  }
}
