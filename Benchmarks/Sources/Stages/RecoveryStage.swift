internal import CanonicalLoad
internal import Dedup
internal import Metering
internal import SegmentLog

/// The start over a log: everything is replayed, nothing was flushed.
final class RecoveryStage: StageBody {
  private struct Segment {
    var number: UInt64
    var bytes: [UInt8]
  }

  /// What the engine wrote.
  private final class Log {
    var segments: [Segment] = []
    private let encoder = BlockEncoder()

    func write(_ action: LedgerAction) {
      switch action {
      case .openSegment(let number, let header):
        segments.append(Segment(number: number, bytes: header))
      case .append(let block):
        block.encode(with: encoder, into: &segments[segments.count - 1].bytes)
      }
    }
  }

  private let log = Log()
  private let records: Int
  let wireBytesPerUnit: Double?

  init(_ size: Stage.Size) throws {
    let wanted = size == .full ? 20_000_000 : 20_000
    let log = log
    let engine = try EngineStage(.raw, hmac: false, size) { log.write($0) }
    var records = 0
    while records < wanted { records += try engine.batch() }
    engine.seal()
    self.records = records
    wireBytesPerUnit = engine.wireBytesPerUnit
  }

  func batch() throws -> Int {
    var recovery = Recovery(
      Ledger(identity: EngineStage.identity, configuration: EngineStage.configuration),
      checkpoint: .beginning, upkeep: UpkeepThread())
    for segment in log.segments {
      let bytes = segment.bytes.span
      _ = try unsafe recovery.replay(bytes.bytes, number: segment.number)
    }
    let ledger = try recovery.finish()
    keep(UInt64(ledger.dedupStatistics.keys))
    return records
  }
}
