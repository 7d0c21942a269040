import Metering
import SeededRandom
import SegmentLog
import Testing
import Wire

@Suite("Receipt caches")
struct CompletenessReceiptCacheTests {
  private static func receipt(_ number: UInt32) -> Receipt {
    Receipt(
      counts: VerdictCounts(
        accepted: number &+ 1, duplicate: number &+ 2, conflict: number &+ 3, late: number &+ 4,
        rejected: number &+ 5),
      position: LogPosition(UInt64(number)), arrival: Timestamp(milliseconds: Int64(number)))
  }

  /// The same rules on an array.
  private struct Model {
    var capacity: Int
    var exceptionCapacity: Int
    var entries: [(key: BatchKey, receipt: Receipt, exceptions: [UInt8])] = []

    var exceptionByteCount: Int { entries.reduce(0) { $0 + $1.exceptions.count } }

    func find(_ key: BatchKey) -> (receipt: Receipt, exceptions: [UInt8])? {
      entries.first { $0.key == key }.map { ($0.receipt, $0.exceptions) }
    }

    mutating func insert(_ receipt: Receipt, _ exceptions: [UInt8], for key: BatchKey) -> Bool {
      guard exceptions.count <= exceptionCapacity else { return false }
      entries.append((key, receipt, exceptions))
      while entries.count > capacity || exceptionByteCount > exceptionCapacity {
        entries.removeFirst()
      }
      return true
    }
  }

  @Test(
    "Random receipts agree with an array",
    arguments: [(1, 0), (1, 50), (7, 20), (64, 100), (200, 1_000_000)])
  func model(_ capacity: Int, _ exceptionCapacity: Int) {
    var random = SplitMix64(seed: 19)
    var cache = ReceiptCache(capacity: capacity, exceptionCapacity: exceptionCapacity, seed: 20)
    var model = Model(capacity: capacity, exceptionCapacity: exceptionCapacity)
    for number in 0..<5_000 as Range<UInt32> {
      let key = BatchKey(
        source: .random(in: 0..<4, using: &random),
        epoch: [0, 1, .max].randomElement(using: &random) ?? 0,
        sequence: .random(in: 0..<60, using: &random))
      let length =
        Int.random(in: 0..<4, using: &random) == 0 ? Int.random(in: 0...60, using: &random) : 0
      let exceptions = (0..<length).map { UInt8(truncatingIfNeeded: Int(number) + $0) }
      let receipt = CompletenessReceiptCacheTests.receipt(number)
      #expect(cache.find(key) == model.find(key)?.receipt)
      if model.find(key) != nil { continue }
      let isKept = model.insert(receipt, exceptions, for: key)
      let wasKept = cache.insert(receipt, exceptions: exceptions.span, for: key)
      #expect(wasKept == isKept)
      var found: [UInt8] = [7]
      let known = cache.find(key, exceptions: &found)
      #expect(known == model.find(key)?.receipt)
      #expect(found == [7] + (model.find(key)?.exceptions ?? []))
      #expect(cache.count == model.entries.count && cache.count <= capacity)
      #expect(cache.exceptionByteCount == model.exceptionByteCount)
      #expect(cache.exceptionByteCount <= exceptionCapacity)
    }
    for entry in model.entries {
      var found: [UInt8] = []
      let known = cache.find(entry.key, exceptions: &found)
      #expect(known == entry.receipt && found == entry.exceptions)
    }
  }

  @Test("Batches with one and the same hash have receipts of their own")
  func collisions() {
    let seed: UInt64 = 24
    let sequence = CollidingWords(seed: seed).third
    var cache = ReceiptCache(capacity: 50, exceptionCapacity: 0, seed: seed)
    for number in 0..<120 as Range<UInt32> {
      let key = BatchKey(source: number % 10, epoch: UInt64(number / 10), sequence: sequence)
      #expect(cache.find(key) == nil)
      let wasKept = cache.insert(
        CompletenessReceiptCacheTests.receipt(number), exceptions: Span(), for: key)
      #expect(wasKept)
    }
    for number in 0..<120 as Range<UInt32> {
      let key = BatchKey(source: number % 10, epoch: UInt64(number / 10), sequence: sequence)
      #expect(cache.find(key)?.position == (number < 70 ? nil : LogPosition(UInt64(number))))
    }
  }

  @Test("A long run keeps the newest receipts and no more memory")
  func longRun() {
    let capacity = 1_000
    var cache = ReceiptCache(capacity: capacity, exceptionCapacity: 100, seed: 21)
    var bytes = 0
    for sequence in 1...50_000 as ClosedRange<UInt64> {
      let key = BatchKey(source: UInt32(sequence % 3), epoch: 9, sequence: sequence)
      cache.insert(
        CompletenessReceiptCacheTests.receipt(UInt32(sequence)), exceptions: Span(), for: key)
      if sequence == 25_000 { bytes = cache.byteCount }
    }
    // A shard of the index may still double when chance fills it.
    #expect(cache.byteCount <= bytes * 2)
    #expect(cache.count == capacity)
    for sequence in 49_001...50_000 as ClosedRange<UInt64> {
      let key = BatchKey(source: UInt32(sequence % 3), epoch: 9, sequence: sequence)
      #expect(cache.find(key)?.position == LogPosition(sequence))
    }
    #expect(cache.find(BatchKey(source: UInt32(49_000 % 3), epoch: 9, sequence: 49_000)) == nil)
  }
}
