import Foundation
import SeededRandom
import SegmentLog

/// What the golden files hold, by which they were once written.
struct GoldenLog {
  static let number: UInt64 = 3
  static let header = SegmentHeader(
    installation: 0xA1A2_A3A4_A5A6_A7A8_B1B2_B3B4_B5B6_B7B8,
    secretFingerprint: 0xC1C2_C3C4_C5C6_C7C8, partition: 2, partitionCount: 4, number: number,
    start: ChainPoint(position: LogPosition(1_000_000), chain: 0xD1D2_D3D4_D5D6_D7D8),
    createdAt: 1_790_000_000_000)
  static let count = 500
  static let trailingZeros = 256

  /// The raw section of the usage block: 16-byte keys.
  let keys: [UInt8]
  let kinds: [UInt8]
  let operations: [UInt16]
  let tenants: [UInt32]
  let hashes: [UInt64]
  let quantities: [Int64]
  let times: [Int64]
  let note = Array("golden".utf8)
  let names = ["", "acme", "Straße", "日本"]

  init() {
    var generator = SplitMix64(seed: 20_260_921)
    func values<Value>(_ make: (UInt64) -> Value) -> [Value] {
      (0..<Self.count).map { _ in make(generator.next()) }
    }
    kinds = values { UInt8($0 % 3) }
    operations = values { UInt16($0 % 50) }
    tenants = values { UInt32($0 % 1_000) }
    hashes = values { $0 }
    quantities = values { Int64($0 % 100_000) - 500 }
    times = values { 1_790_000_000_000 + Int64($0 % 2_000) }
    keys = (0..<(16 * Self.count)).map { _ in UInt8(truncatingIfNeeded: generator.next()) }
  }

  /// The columns of the usage block, one of every type.
  var usageColumns: [UInt8] {
    var writer = ColumnWriter()
    writer.append(kinds.span)
    writer.append(operations.span)
    writer.append(tenants.span)
    writer.append(hashes.span)
    writer.append(quantities.span)
    writer.append(deltas: times.span)
    writer.append(bytes: note.rawSpan)
    writer.append(texts: names)
    return writer.bytes
  }

  /// The segment: a usage block, a control block without a raw section, a usage block without
  /// columns, and preallocated zeros.
  func encode() -> (segment: [UInt8], mark: [UInt8]) {
    var segment: [UInt8] = []
    Self.header.encode(into: &segment)
    var sealer = BlockSealer(continuing: Self.header.start)
    _ = sealer.seal(
      .usage, entries: Self.count + 1, arrivals: 1_790_000_000_000...1_790_000_001_999,
      raw: keys, columns: usageColumns, into: &segment)
    _ = sealer.seal(
      .control, entries: 1, arrivals: 1_790_000_002_000...1_790_000_002_000, columns: note,
      into: &segment)
    _ = sealer.seal(
      .usage, entries: 1, arrivals: 1_790_000_002_000...1_790_000_002_001,
      raw: Array(keys[..<16]), into: &segment)
    segment += [UInt8](repeating: 0, count: Self.trailingZeros)
    var mark: [UInt8] = []
    DurabilityMark(end: sealer.end).encode(into: &mark)
    return (segment, mark)
  }

  /// The bytes of a golden file.
  static func file(_ name: String) throws -> [UInt8] {
    let url = URL(filePath: #filePath).deletingLastPathComponent()
      .appending(path: "Golden").appending(path: name)
    return [UInt8](try Data(contentsOf: url))
  }
}
