import Dedup
import MemoryRuns
import Metering
import SegmentLog
import Testing
import Wire

@testable import Server

/// The log of a ledger in memory: a few segments, each with a snapshot and some blocks of usage.
struct LedgerLog {
  static let segmentCount = 3
  /// Blocks of a segment: more than are read ahead.
  static let blockCount = 12
  /// Blocks of usage in all segments: the others are snapshots, and a configuration.
  static let usageCount = segmentCount * (blockCount - 1) - 1
  /// Records of a block of usage.
  static let recordCount = 5

  let identity: LedgerIdentity
  private(set) var end = ChainPoint.beginning
  var segments: [(number: UInt64, bytes: [UInt8])] = []
  private var configuration = LedgerConfiguration(weights: .empty, canonicalText: "test")

  /// A ledger that has not replayed the log yet.
  var newLedger: Ledger {
    Ledger(identity: identity, configuration: configuration, store: MemoryRunStore())
  }

  /// A log of the installation.
  init(of identity: LedgerIdentity = LedgerLog.identity()) throws {
    self.identity = identity
    configuration.dedup.maximumKeys = 100_000
    configuration.segmentSize = 1 << 20
    let start: Int64 = 1_769_896_800_000
    var ledger = newLedger
    try ledger.start(wall: Timestamp(milliseconds: start), monotonic: start)
    write(ledger.takeActions(), &ledger)
    for sequence in 1...UInt64(Self.usageCount) {
      var columns = UsageColumns()
      try columns.append(sequence, at: start)
      try ledger.judge(columns, wall: Timestamp(milliseconds: start), monotonic: start)
      ledger.sealBlock()
      write(ledger.takeActions(), &ledger)
    }
  }

  static func identity(installation: UInt128 = 42) -> LedgerIdentity {
    LedgerIdentity(
      installation: InstallationID(bits: installation), secret: HashSecret(k0: 7, k1: 9))
  }

  private mutating func write(_ actions: [LedgerAction], _ ledger: inout Ledger) {
    for action in actions {
      switch action {
      case .openSegment(let number, let header): segments.append((number, header))
      case .append(let block):
        let last = segments.count - 1
        block.encode(with: BlockEncoder(), into: &segments[last].bytes)
        end = block.end
        let blocks = (try? offsets(ofSegment: last).count) ?? 0
        let isFull = blocks == Self.blockCount && segments.count < Self.segmentCount
        ledger.synced(
          through: end,
          segmentSizes: [segments[last].number: isFull ? configuration.segmentSize : 0])
      }
    }
  }

  /// Where the blocks of a segment begin.
  func offsets(ofSegment place: Int) throws -> [Int] {
    let (number, bytes) = segments[place]
    let span = bytes.span
    var reader = try unsafe SegmentReader(span.bytes, segment: number)
    var offsets: [Int] = []
    while let block = try reader.next() { offsets.append(block.offset) }
    return offsets
  }

  /// Changes a byte of a block.
  mutating func damage(block: Int, ofSegment place: Int) throws {
    segments[place].bytes[try offsets(ofSegment: place)[block] + BlockHeader.byteCount] ^= 1
  }

  /// Cuts the last segment off inside its last block.
  ///
  /// - Returns: where that block begins.
  mutating func tear() throws -> Int {
    let start = try #require(try offsets(ofSegment: segments.count - 1).last)
    tear(to: start + 100)
    return start
  }

  /// Cuts the last segment off.
  mutating func tear(to length: Int) {
    let last = segments.count - 1
    segments[last].bytes.removeSubrange(length...)
    // Zeros at the end would not count.
    segments[last].bytes[length - 1] = 0xFF
  }
}

extension UsageColumns {
  /// Appends a batch of records with keys of their own.
  fileprivate mutating func append(_ sequence: UInt64, at time: Int64) throws {
    var encoder = try FrameEncoder(
      source: SourceIdentity(name: "agent", epoch: 1), keyID: .none, maximumLength: 60_000)
    for number in 0..<LedgerLog.recordCount {
      let record = UsageRecord(
        tenant: "acme", kind: .compute, operation: "op", contextType: .other, context: "",
        time: Timestamp(milliseconds: time), quantity: 1,
        key: .raw(UInt128(sequence) << 64 | UInt128(number)))
      #expect(encoder.append(record) == .appended)
    }
    var bytes: [UInt8] = []
    encoder.finish(sequence: sequence, highestSequence: sequence, to: &bytes) { _ in 0 }
    let span = bytes.span
    let frame = unsafe span.bytes
    try append(frame: frame, header: FrameHeader(parsing: frame, limits: .standard))
  }
}
