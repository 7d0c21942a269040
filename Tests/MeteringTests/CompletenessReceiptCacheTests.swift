import Metering
import SeededRandom
import SegmentLog
import Testing
import Wire

@Suite("Receipt caches")
struct CompletenessReceiptCacheTests {
  private static func receipt(_ number: UInt32, exceptions: Int = 0) -> Receipt {
    Receipt(
      counts: VerdictCounts(
        accepted: number &+ 1, duplicate: number &+ 2, conflict: number &+ 3, late: number &+ 4,
        rejected: number &+ 5),
      position: LogPosition(UInt64(number)), arrival: Timestamp(milliseconds: Int64(number)),
      exceptions: [UInt8](repeating: UInt8(truncatingIfNeeded: number), count: exceptions))
  }

  /// The same rules on an array.
  private struct Model {
    var capacity: Int
    var exceptionCapacity: Int
    var entries: [(key: BatchKey, receipt: Receipt)] = []

    var exceptionByteCount: Int { entries.reduce(0) { $0 + $1.receipt.exceptions.count } }

    func find(_ key: BatchKey) -> Receipt? { entries.first { $0.key == key }?.receipt }

    mutating func insert(_ receipt: Receipt, for key: BatchKey) -> Bool {
      guard find(key) == nil, receipt.exceptions.count <= exceptionCapacity else { return false }
      entries.append((key, receipt))
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
      let exceptions =
        Int.random(in: 0..<4, using: &random) == 0 ? Int.random(in: 0...60, using: &random) : 0
      let receipt = CompletenessReceiptCacheTests.receipt(number, exceptions: exceptions)
      #expect(cache.find(key) == model.find(key))
      let isKept = model.insert(receipt, for: key)
      #expect(cache.insert(receipt, for: key) == isKept)
      #expect(cache.find(key) == model.find(key))
      #expect(cache.count == model.entries.count && cache.count <= capacity)
      #expect(cache.exceptionByteCount == model.exceptionByteCount)
      #expect(cache.exceptionByteCount <= exceptionCapacity)
    }
    var listed: [BatchKey] = []
    var receipts: [Receipt] = []
    cache.forEach {
      listed.append($0)
      receipts.append($1)
    }
    #expect(listed == model.entries.map(\.key))
    #expect(receipts == model.entries.map(\.receipt))
  }

  @Test("Batches with one and the same hash have receipts of their own")
  func collisions() {
    let seed: UInt64 = 24
    let sequence = CollidingWords(seed: seed).third
    var cache = ReceiptCache(capacity: 50, exceptionCapacity: 0, seed: seed)
    for number in 0..<120 as Range<UInt32> {
      let key = BatchKey(source: number % 10, epoch: UInt64(number / 10), sequence: sequence)
      #expect(cache.find(key) == nil)
      #expect(cache.insert(CompletenessReceiptCacheTests.receipt(number), for: key) == true)
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
        CompletenessReceiptCacheTests.receipt(UInt32(sequence)), for: key)
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
