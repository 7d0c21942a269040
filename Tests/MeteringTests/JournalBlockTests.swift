import Compression
import SeededRandom
import SegmentLog
import Testing
import Wire

@testable import Metering

@Suite("Usage blocks")
struct JournalBlockTests {
  /// Builds a block of two receipts and four records, with every column in use.
  private func makeBlock() -> UsageBlock {
    var block = UsageBlock()
    func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }
    for (list, names) in [
      (0, ["acme", String(repeating: "t", count: 255)]), (1, ["GET /", "b"]),
      (2, ["\u{0}" + String(repeating: "c", count: 255), "\u{3}"]), (3, ["agent"]),
    ] {
      for name in names {
        let name = bytes(name)
        switch list {
        case 0: block.names.tenants.append(name.span.raw)
        case 1: block.names.operations.append(name.span.raw)
        case 2: block.names.contexts.append(name.span.raw)
        default: block.names.sources.append(name.span.raw)
        }
      }
    }
    block.receipts.sources = [0, 0]
    block.receipts.epochs = [0, .max]
    block.receipts.sequences = [1, .max]
    block.receipts.highestIssued = [1, .max]
    block.receipts.arrivals = [0, Timestamp.latest.milliseconds]
    block.receipts.keyIDs = [0, .max]
    block.receipts.received = [4, 3]
    block.receipts.exceptionCounts = [1, 3]
    block.receipts.rejectedBytes = [0, 55]
    block.receipts.exceptionIndices = [3, 0, 1, 2]
    block.receipts.exceptionCodes = [AckCode.late.rawValue, 1, 2, 25]
    block.receipts.exceptionHours = [0, 1, 2, 3]
    block.records.times = [0, Timestamp.latest.milliseconds, 5, 5]
    block.records.quantities = [.max, -.max, 0, 1]
    block.records.flags = [
      0, 2 | UsageFlags.textKey, 1 | UsageFlags.overflow,
      2 | UsageFlags.late | UsageFlags.bookingHour,
    ]
    block.records.tenants = [0, 1, 1, 0]
    block.records.operations = [0, 1, 1, 0]
    block.records.contexts = [0, 1, 1, 0]
    block.records.weights = [1, 1, 1_000_000, 0]
    block.records.bookings = [BillingPeriod.latest.firstHour.index]
    block.records.payloads = [.max]
    block.records.rawKeys = (0..<6).map { 0x0706_0504_0302_0100 &* ($0 + 1) }
    block.records.textKeyLengths = [3]
    block.records.textKeys = bytes("key")
    return block
  }

  private func rawBytes(_ block: borrowing UsageBlock) -> [UInt8] {
    block.records.rawKeys.flatMap { word in
      (0..<8).map { UInt8(truncatingIfNeeded: word >> ($0 * 8)) }
    }
  }

  private func columns(_ block: borrowing UsageBlock) -> [UInt8] {
    var writer = ColumnWriter()
    block.encode(into: &writer)
    return writer.bytes
  }

  /// Decodes columns as the block of a log; gives what is wrong with them.
  private func problem(
    _ columns: [UInt8], raw: [UInt8], entries: Int, into block: inout UsageBlock
  ) throws -> String? {
    var bytes: [UInt8] = []
    SegmentHeader(
      installation: 1, secretFingerprint: 2, partition: 0, partitionCount: 1, number: 1,
      start: .beginning, createdAt: 0
    ).encode(into: &bytes)
    var sealer = BlockSealer(continuing: .beginning)
    let header = sealer.seal(
      kind: .usage, entryCount: entries, firstArrival: 0, lastArrival: 0, raw: raw.span.raw,
      columns: columns.span.raw)
    BlockEncoder().append(header, raw: raw.span.raw, columns: columns.span.raw, to: &bytes)
    let segment = bytes
    var reader = try SegmentReader(segment.span.raw, segment: 1)
    guard let next = try reader.next() else { return "no block" }
    do {
      try block.decode(next, columns: columns)
      return nil
    } catch let error as JournalError {
      #expect(block.isEmpty && block.records.count == 0)
      return error.problem
    } catch {
      #expect(block.isEmpty && block.records.count == 0)
      return "\(error)"
    }
  }

  private func problem(_ change: (inout UsageBlock) -> Void) throws -> String? {
    var block = makeBlock()
    change(&block)
    var decoded = UsageBlock()
    return try problem(
      columns(block), raw: rawBytes(block), entries: 6, into: &decoded)
  }

  @Test func monthsOfAnOlderVersionAreTheHoursInWhichTheyBegin() throws {
    var block = makeBlock()
    block.records.flags[3] = 2 | UsageFlags.late
    block.records.bookings = [BillingPeriod.latest.month]
    var decoded = UsageBlock()
    #expect(
      try problem(columns(block), raw: rawBytes(block), entries: 6, into: &decoded) == nil)
    let (bookings, flags) = (decoded.records.bookings, decoded.records.flags)
    #expect(bookings == [BillingPeriod.latest.firstHour.index])
    #expect(flags[3] == 2 | UsageFlags.late | UsageFlags.bookingHour)
  }

  @Test func roundTripWithExtremes() throws {
    let block = makeBlock()
    let written = columns(block)
    var decoded = UsageBlock()
    #expect(
      try problem(written, raw: rawBytes(block), entries: 6, into: &decoded) == nil)
    #expect(columns(decoded) == written)
    let (raw, keys) = (decoded.records.rawKeys, decoded.records.textKeys)
    #expect(raw == block.records.rawKeys)
    #expect(keys == block.records.textKeys)
    let name = decoded.names.contexts.name(0).byteCount
    #expect(name == 256)
  }

  @Test func everyContradictionIsNamed() throws {
    let cases: [(String, (inout UsageBlock) -> Void)] = [
      ("a source without a name", { $0.receipts.sources[1] = 1 }),
      ("more exceptions counted than listed", { $0.receipts.exceptionCounts[1] = 4 }),
      ("more exceptions listed than counted", { $0.receipts.exceptionCounts[1] = 2 }),
      ("an exception of record 8192 behind 0", { $0.receipts.exceptionIndices[0] = 8_192 }),
      ("an exception of record 0 behind 1", { $0.receipts.exceptionIndices[2] = 0 }),
      ("3 exceptions of 2 records", { $0.receipts.received[1] = 2 }),
      ("an exception with code 0", { $0.receipts.exceptionCodes[0] = 0 }),
      ("an exception with code 9", { $0.receipts.exceptionCodes[0] = 9 }),
      ("4 records of 5 that the receipts count", { $0.receipts.received[1] = 4 }),
      ("a record with flags 32", { $0.records.flags[0] = 32 }),
      ("a record with flags 64", { $0.records.flags[0] = 64 }),
      ("a record with flags 3", { $0.records.flags[0] = 3 }),
      ("record 0 without a name", { $0.records.tenants[0] = 2 }),
      ("record 1 without a name", { $0.records.operations[1] = 2 }),
      ("record 2 without a name", { $0.records.contexts[2] = 2 }),
      ("record 0 outside", { $0.records.times[0] = -1 }),
      ("record 0 outside", { $0.records.times[0] = Timestamp.latest.milliseconds + 1 }),
      ("record 0 outside", { $0.records.quantities[0] = .min }),
      ("record 0 outside", { $0.records.weights[0] = 1_000_001 }),
      ("flags and columns do not agree", { $0.records.flags[0] = UsageFlags.late }),
      ("flags and columns do not agree", { $0.records.flags[0] = UsageFlags.overflow }),
      ("flags and columns do not agree", { $0.records.flags[0] = UsageFlags.textKey }),
      ("a booking outside", { $0.records.bookings[0] = -1 }),
      ("a booking outside", { $0.records.bookings[0] = .max }),
      ("a booking outside", { $0.records.flags[3] = 2 | UsageFlags.late }),
      ("keys of 3 and 48 bytes", { $0.records.textKeyLengths[0] = 2 }),
      ("keys of 3 and 40 bytes", { $0.records.rawKeys.removeLast() }),
    ]
    for (expected, change) in cases {
      let found = try problem(change)
      #expect(found?.hasPrefix(expected) == true, "\(expected) but \(found ?? "nothing")")
    }
  }

  @Test func badNamesAreNamed() throws {
    func replace(_ list: inout NameList, _ lengths: [UInt16], _ bytes: [UInt8]) {
      list = NameList(lengths: lengths, content: bytes.span.raw)
    }
    let cases: [(String, (inout UsageBlock) -> Void)] = [
      ("lengths of names", { replace(&$0.names.tenants, [1, 2], [65]) }),
      ("a name that is empty", { replace(&$0.names.tenants, [1, 0], [65]) }),
      (
        "a name that is empty",
        { replace(&$0.names.operations, [1, 256], [UInt8](repeating: 65, count: 257)) }
      ),
      (
        "a name that is empty",
        { replace(&$0.names.contexts, [1, 257], [UInt8](repeating: 0, count: 258)) }
      ),
      ("a name that is empty", { replace(&$0.names.sources, [0], []) }),
      ("context 1 without a type", { replace(&$0.names.contexts, [1, 1], [0, 4]) }),
    ]
    for (expected, change) in cases {
      let found = try problem(change)
      #expect(found?.hasPrefix(expected) == true, "\(expected) but \(found ?? "nothing")")
    }
    var decoded = UsageBlock()
    let block = makeBlock()
    let entries = try problem(
      columns(block), raw: rawBytes(block), entries: 7, into: &decoded)
    #expect(entries == "6 entries in a block of 7")
    let keys = try problem(
      columns(block), raw: rawBytes(block).dropLast(), entries: 6, into: &decoded)
    #expect(keys == "keys of 3 and 47 bytes")
  }

  @Test func changedAndRandomBytesNeverTrap() throws {
    let block = makeBlock()
    let written = columns(block)
    var decoded = UsageBlock()
    for place in written.indices {
      for flip: UInt8 in [1, 2, 0x10, 0x80, 0xff] {
        var changed = written
        changed[place] ^= flip
        _ = try problem(changed, raw: rawBytes(block), entries: 6, into: &decoded)
      }
      let cut = Array(written.prefix(place))
      #expect(try problem(cut, raw: [], entries: 6, into: &decoded) != nil)
    }
    var random = SplitMix64(seed: 2)
    for _ in 0..<3_000 {
      let bytes = (0..<Int.random(in: 1..<120, using: &random)).map { _ in
        UInt8.random(in: 0...255, using: &random)
      }
      _ = try problem(bytes, raw: [], entries: 6, into: &decoded)
    }
  }
}
