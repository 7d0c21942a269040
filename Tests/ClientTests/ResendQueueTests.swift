import Testing
import Wire

@testable import Client

struct ResendQueueTests {
  private let answers = AnswerFixture()

  private func queue(window: Int = 4, first: Int64 = 100, longest: Int64 = 1_000) -> ResendQueue {
    ResendQueue(
      source: answers.source,
      limits: .init(window: window, firstDelay: first, longestDelay: longest))
  }

  /// Issues batches of 10 records whose frame is their number.
  private func issue(_ count: Int, in queue: inout ResendQueue, now: Int64 = 0) {
    for _ in 0..<count {
      let frame = [UInt8(truncatingIfNeeded: queue.nextSequence)]
      queue.issue(frame: frame, recordCount: 10, now: now, jitter: .max)
    }
  }

  private func takeAll(_ queue: inout ResendQueue, now: Int64, jitter: UInt16 = .max) -> [UInt8] {
    var frames: [UInt8] = []
    while let frame = queue.takeDue(now: now, jitter: jitter) { frames += frame }
    return frames
  }

  private let all = VerdictCounts(accepted: 10)

  @Test func numbersFromOneAndStopsAtTheWindow() throws {
    var queue = queue()
    #expect(queue.isEmpty && queue.nextSequence == 1 && queue.canIssue(now: 0))
    issue(4, in: &queue)
    #expect(queue.nextSequence == 5 && !queue.canIssue(now: 0))
    #expect(queue.batchCount == 4 && queue.recordCount == 40)
    // Only the oldest batch opens the window: the span stays bounded.
    #expect(try queue.acknowledge(answers.ack(3, all)) == .settled(attempts: 1))
    #expect(!queue.canIssue(now: 0) && queue.batchCount == 3)
    #expect(try queue.acknowledge(answers.ack(1, all)) == .settled(attempts: 1))
    #expect(queue.canIssue(now: 0) && queue.oldestSequence == 2)
    #expect(try queue.acknowledge(answers.ack(2, all)) == .settled(attempts: 1))
    #expect(queue.oldestSequence == 4)
    issue(3, in: &queue)
    #expect(!queue.canIssue(now: 0) && queue.nextSequence == 8)
    for sequence in 4...7 as ClosedRange<UInt64> {
      #expect(try queue.acknowledge(answers.ack(sequence, all)) == .settled(attempts: 1))
    }
    #expect(queue.isEmpty && queue.recordCount == 0 && queue.oldestSequence == 8)
  }

  @Test func backsOffToALimit() {
    var queue = queue()
    issue(1, in: &queue)
    var now: Int64 = 0
    for delay in [100, 200, 400, 800, 1_000, 1_000, 1_000] as [Int64] {
      // The highest jitter is one step below the whole delay.
      #expect(takeAll(&queue, now: now + delay / 2) == [])
      #expect(takeAll(&queue, now: now + delay - 2) == [])
      #expect(takeAll(&queue, now: now + delay) == [1])
      now += delay
    }
  }

  @Test func jitterTakesAwayUpToHalf() {
    var queue = queue()
    queue.issue(frame: [1], recordCount: 1, now: 0, jitter: 0)
    #expect(takeAll(&queue, now: 49) == [])
    #expect(takeAll(&queue, now: 50, jitter: 32_768) == [1])
    #expect(takeAll(&queue, now: 50 + 149) == [])
    #expect(takeAll(&queue, now: 50 + 150) == [1])
  }

  @Test func delaysDoNotOverflow() {
    var queue = queue(first: .max / 2, longest: .max / 2)
    queue.issue(frame: [1], recordCount: 1, now: 0, jitter: 0)
    for _ in 0..<100 {
      queue.connectionLost(now: 0)
      #expect(takeAll(&queue, now: 0, jitter: 0) == [1])
    }
  }

  @Test func whatSettlesNothing() throws {
    var queue = queue()
    issue(2, in: &queue)
    #expect(try queue.acknowledge(answers.ack(3, all)) == .neverSent)
    #expect(try queue.refuse(answers.refusal(.max, .queueFull), now: 0, jitter: 0) == .neverSent)
    var other = answers
    other.source.epoch = 8
    #expect(try queue.acknowledge(other.ack(1, all)) == .foreign)
    other.source = SourceIdentity(name: "web-2", epoch: 7)
    #expect(try queue.acknowledge(other.ack(1, all)) == .foreign)
    // An answer to nothing does not decide which installation it is either.
    #expect(queue.installation == nil && queue.batchCount == 2)
    #expect(try queue.acknowledge(answers.ack(2, all)) == .settled(attempts: 1))
    #expect(try queue.acknowledge(answers.ack(2, all, isResent: true)) == .repeated)
    #expect(try queue.refuse(answers.refusal(2, .queueFull), now: 0, jitter: 0) == .repeated)
    #expect(try queue.acknowledge(answers.ack(1, all)) == .settled(attempts: 1))
    #expect(try queue.acknowledge(answers.ack(1, all)) == .repeated)
    #expect(queue.isEmpty && queue.installation == answers.installation)
  }

  @Test func retryLaterHoldsEverythingBack() throws {
    var queue = queue()
    issue(2, in: &queue)
    #expect(
      try queue.refuse(answers.refusal(1, .flushBacklog, retryAfter: 400), now: 10, jitter: .max)
        == .deferred)
    // The highest jitter is one step below a quarter more.
    #expect(!queue.canIssue(now: 508) && takeAll(&queue, now: 508) == [])
    #expect(queue.canIssue(now: 509) && takeAll(&queue, now: 510) == [1, 2])
    // What the service said starts the backoff anew: 100 for the first batch, 200 for the second.
    #expect(takeAll(&queue, now: 600) == [] && takeAll(&queue, now: 610) == [1])
    // Without a time of its own it waits as long as for a loss.
    #expect(
      try queue.refuse(answers.refusal(2, .queueFull), now: 690, jitter: .max) == .deferred)
    #expect(queue.canIssue(now: 690) && takeAll(&queue, now: 810) == [1])
    #expect(takeAll(&queue, now: 890) == [2])
    #expect(try queue.acknowledge(answers.ack(2, all)) == .settled(attempts: 3))
  }

  @Test func refusedForGood() throws {
    var queue = queue()
    issue(2, in: &queue)
    #expect(queue.recordCount(of: 1) == 10)
    let refusal = try answers.refusal(1, .malformedBody)
    #expect(try queue.refuse(refusal, now: 0, jitter: 0) == .settled(attempts: 1))
    #expect(queue.recordCount(of: 1) == nil && queue.batchCount == 1 && queue.oldestSequence == 2)
    #expect(try queue.refuse(refusal, now: 0, jitter: 0) == .repeated)
  }

  @Test func anotherInstallationStops() throws {
    var queue = queue()
    issue(3, in: &queue)
    #expect(try queue.refuse(answers.refusal(1, .draining), now: 0, jitter: 0) == .deferred)
    var other = answers
    other.installation = InstallationID(bits: 2)
    let fault = ResendQueue.Fault.installationChanged(
      first: answers.installation, found: other.installation)
    let ack = try other.ack(2, all)
    #expect(throws: fault) { try queue.acknowledge(ack) }
    let refusal = try other.refusal(2, .draining)
    #expect(throws: fault) { try queue.refuse(refusal, now: 0, jitter: 0) }
    #expect(queue.batchCount == 3)
  }

  @Test func theReceiptOfAnotherBatchStops() throws {
    var queue = queue()
    issue(1, in: &queue)
    let ack = try answers.ack(1, VerdictCounts(accepted: 9), isResent: true)
    #expect(throws: ResendQueue.Fault.receiptMismatch(sequence: 1, sent: 10, receipt: 9)) {
      try queue.acknowledge(ack)
    }
    #expect(queue.batchCount == 1)
  }

  @Test func aLostConnectionMakesEverythingDue() throws {
    var queue = queue()
    issue(3, in: &queue)
    #expect(try queue.acknowledge(answers.ack(2, all)) == .settled(attempts: 1))
    queue.connectionLost(now: 5)
    #expect(takeAll(&queue, now: 5) == [1, 3])
    #expect(takeAll(&queue, now: 6) == [])
  }

  @Test func missingBatchesAreDueUnlessJustSent() {
    var queue = queue(window: 8)
    issue(3, in: &queue, now: 0)
    issue(3, in: &queue, now: 30)
    queue.request(2...5, now: 40, settleTime: 25)
    #expect(takeAll(&queue, now: 40) == [2, 3])
    queue.request(0...UInt64.max, now: 41, settleTime: 25)
    #expect(takeAll(&queue, now: 41) == [1])
  }
}
