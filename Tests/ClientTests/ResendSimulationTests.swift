import SeededRandom
import Testing
import Wire

@testable import Client

/// A sender and a service in one thread, with a network between them that loses, doubles and
/// reorders what it carries.
private struct ResendSimulation {
  private enum Parcel {
    case frame([UInt8])
    case ack(Ack)
    case refusal(Refusal)
  }

  private var random: SplitMix64
  private let answers = AnswerFixture()
  private var network: [(arrival: Int64, parcel: Parcel)] = []
  private var queue: ResendQueue
  private var now: Int64 = 0
  /// What the service holds: a receipt for each number.
  private(set) var receipts: [UInt64: VerdictCounts] = [:]
  private(set) var refusedForGood: Set<UInt64> = []
  /// What the sender believes.
  private(set) var settled: [UInt64: VerdictCounts?] = [:]
  private(set) var longestSpan: UInt64 = 0
  let batches: Int

  private let loss: Int
  private let doubling: Int
  private let refusals: Int

  init(seed: UInt64) {
    random = SplitMix64(seed: seed)
    batches = Int.random(in: 1...120, using: &random)
    loss = Int.random(in: 0...60, using: &random)
    doubling = Int.random(in: 0...40, using: &random)
    refusals = Int.random(in: 0...30, using: &random)
    queue = ResendQueue(
      source: answers.source,
      limits: .init(
        window: Int.random(in: 1...20, using: &random), firstDelay: 50, longestDelay: 400))
  }

  private mutating func chance(_ percent: Int) -> Bool {
    Int.random(in: 0..<100, using: &random) < percent
  }

  private mutating func carry(_ parcel: Parcel) {
    for _ in 0..<(chance(doubling) ? 2 : 1) where !chance(loss) {
      network.append((now + Int64.random(in: 1...120, using: &random), parcel))
    }
  }

  /// Runs until the sender has settled everything; false if it never does.
  mutating func run() throws -> Bool {
    while now < 1_000_000 {
      while queue.nextSequence <= UInt64(batches), queue.canIssue(now: now) {
        let frame = [UInt8(queue.nextSequence)]
        queue.issue(
          frame: frame, recordCount: 1 + Int(frame[0]), now: now,
          jitter: .random(in: 0...(.max), using: &random))
        carry(.frame(frame))
      }
      while let frame = queue.takeDue(now: now, jitter: .random(in: 0...(.max), using: &random)) {
        carry(.frame(frame))
      }
      longestSpan = max(longestSpan, queue.nextSequence - queue.oldestSequence)
      if queue.isEmpty, queue.nextSequence > UInt64(batches) { return true }
      if chance(1) { queue.connectionLost(now: now) }
      now += 5
      let arrived = network.filter { $0.arrival <= now }.sorted { $0.arrival < $1.arrival }
      network.removeAll { $0.arrival <= now }
      for (_, parcel) in arrived { try deliver(parcel) }
    }
    return false
  }

  private mutating func deliver(_ parcel: Parcel) throws {
    switch parcel {
    case .frame(let frame): try judge(UInt64(frame[0]), recordCount: 1 + UInt32(frame[0]))
    case .ack(let ack):
      if case .settled = try queue.acknowledge(ack) {
        settled[ack.header.sequence] = .some(ack.receipt.counts)
      }
      for range in ack.missing { queue.request(range, now: now, settleTime: 25) }
    case .refusal(let refusal):
      let outcome = try queue.refuse(
        refusal, now: now, jitter: .random(in: 0...(.max), using: &random))
      if case .settled = outcome { settled[refusal.header.sequence] = .some(nil) }
    }
  }

  /// The service: one receipt for a number, for ever.
  private mutating func judge(_ sequence: UInt64, recordCount: UInt32) throws {
    if let counts = receipts[sequence] {
      carry(.ack(try answers.ack(sequence, counts, isResent: true)))
    } else if refusedForGood.contains(sequence) || chance(refusals / 10) {
      refusedForGood.insert(sequence)
      carry(.refusal(try answers.refusal(sequence, .malformedBody)))
    } else if chance(refusals) {
      carry(.refusal(try answers.refusal(sequence, .queueFull, retryAfter: 30)))
    } else {
      let duplicate = UInt32.random(in: 0...recordCount, using: &random)
      let counts = VerdictCounts(accepted: recordCount - duplicate, duplicate: duplicate)
      receipts[sequence] = counts
      let missing = (1...sequence).filter { receipts[$0] == nil }.prefix(3).map { $0...$0 }
      carry(.ack(try answers.ack(sequence, counts, missing: missing)))
    }
  }

  var window: Int { queue.limits.window }
}

struct ResendSimulationTests {
  @Test func everyBatchIsSettledAsTheServiceSettledIt() throws {
    for seed in 1...200 as ClosedRange<UInt64> {
      var simulation = ResendSimulation(seed: seed)
      let isDone = try simulation.run()
      #expect(isDone, "seed \(seed)")
      #expect(simulation.longestSpan <= UInt64(simulation.window), "seed \(seed)")
      #expect(simulation.settled.count == simulation.batches, "seed \(seed)")
      for (sequence, counts) in simulation.settled {
        if let counts {
          #expect(simulation.receipts[sequence] == counts, "seed \(seed)")
        } else {
          #expect(simulation.refusedForGood.contains(sequence), "seed \(seed)")
        }
      }
    }
  }
}
