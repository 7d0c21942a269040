internal import CanonicalLoad
internal import Dedup
internal import MemoryRuns
internal import Metering
internal import SegmentLog
internal import Server

/// The start over a log: everything is replayed, nothing was flushed.
final class RecoveryStage: StageBody {
  /// Segments in memory.
  private struct Log: LogSource {
    var segments: [(number: UInt64, bytes: [UInt8])] = []

    func withSegment(_ number: UInt64, _ body: (RawSpan) throws -> Void) throws {
      for segment in segments where segment.number == number {
        let bytes = segment.bytes.span
        try unsafe body(bytes.bytes)
      }
    }
  }

  /// What writes the log of an engine.
  private final class Writer {
    var log = Log()
    private let encoder = BlockEncoder()

    func write(_ action: LedgerAction) {
      switch action {
      case .openSegment(let number, let header): log.segments.append((number, header))
      case .append(let block):
        block.encode(with: encoder, into: &log.segments[log.segments.count - 1].bytes)
      }
    }
  }

  private let log: Log
  private let records: Int
  let wireBytesPerUnit: Double?

  init(_ size: Stage.Size) throws {
    let wanted = size == .full ? 20_000_000 : 20_000
    let writer = Writer()
    let engine = try EngineStage(.raw, hmac: false, size) { writer.write($0) }
    var records = 0
    while records < wanted { records += try engine.batch() }
    engine.seal()
    self.records = records
    log = writer.log
    wireBytesPerUnit = engine.wireBytesPerUnit
  }

  func batch() throws -> Int {
    var recovery = Recovery(
      Ledger(
        identity: EngineStage.identity, configuration: EngineStage.configuration,
        store: MemoryRunStore()),
      checkpoint: .beginning, upkeep: UpkeepThread())
    let ahead = LogReadAhead(log, segments: log.segments.map(\.number), mark: nil)
    defer { ahead.stop() }
    while let piece = try ahead.next() {
      switch piece {
      case .begin(let header): try recovery.begin(header)
      case .block(let block): try recovery.replay(block)
      case .end: break
      case .torn(let tail): throw tail.found
      }
    }
    let ledger = try recovery.finish()
    keep(UInt64(ledger.dedupStatistics.keys))
    return records
  }
}
