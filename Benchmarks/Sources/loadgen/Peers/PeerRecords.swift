import CanonicalLoad
import Dispatch
import Foundation

/// A usage record with its key, for programs that take single records.
struct PeerRecord {
  var shape: RecordShape
  var key: UInt128
}

/// The canonical load as single records: new keys, and some that were there before.
struct PeerRecords {
  private var mix: CanonicalMix
  private var random: SplitMix64
  private var keys: KeySequence
  private let prefix: UInt64
  private var recent: [PeerRecord] = []
  /// Records whose key was new.
  private(set) var fresh: Int64 = 0

  private static let memory = 50_000
  private static let duplicatesPercent = 5

  /// - Parameter number: loads with other numbers have other keys.
  init(number: UInt64) {
    mix = CanonicalMix(seed: 42 + number)
    random = SplitMix64(seed: number)
    keys = KeySequence(seed: number, counter: 0)
    prefix = 0x0195_1234_5678_7000 + number
  }

  mutating func next() -> PeerRecord {
    if recent.count >= 1_000, Int.random(in: 0..<100, using: &random) < Self.duplicatesPercent,
      let old = recent.randomElement(using: &random)
    {
      return old
    }
    let record = PeerRecord(shape: mix.next(), key: UInt128(prefix) << 64 | UInt128(keys.next()))
    if recent.count < Self.memory {
      recent.append(record)
    } else {
      recent[Int(fresh) % Self.memory] = record
    }
    fresh += 1
    return record
  }
}

/// Runs jobs at the same time, each on a thread of its own, and gives what each came to.
enum SideBySide {
  private final class Slot<Value: Sendable>: @unchecked Sendable {
    var result: Result<Value, any Error>?
    let done = DispatchSemaphore(value: 0)
  }

  static func run<Value: Sendable>(
    _ count: Int, _ body: @escaping @Sendable (Int) throws -> Value
  ) throws -> [Value] {
    let slots = (0..<count).map { _ in Slot<Value>() }
    for (number, slot) in slots.enumerated() {
      Thread {
        slot.result = Result { try body(number) }
        slot.done.signal()
      }.start()
    }
    return try slots.map { slot in
      slot.done.wait()
      guard let result = slot.result else { fatalError("BUG: a job without a result") }
      return try result.get()
    }
  }
}
