import EventLoop
import Foundation
import Metering
import SegmentLog
import Testing
import Wire

@testable import Server

/// The way of a group through partitions on other threads and back.
@Suite("Groups that are handed over", .serialized)
struct HandOverTests {
  private let world: ReceptionWorld
  private let socket: RawDatagrams

  init() throws {
    world = try ReceptionWorld(partitions: 2)
    socket = try RawDatagrams(to: world.server)
  }

  /// A frame with a record of each of these tenants.
  private static func frame(
    _ sequence: UInt64, _ tenants: [String], context: String = "", highest: UInt64? = nil
  ) throws -> [UInt8] {
    var encoder = try FrameEncoder(
      source: SourceIdentity(name: "raw", epoch: 1), keyID: .none, maximumLength: 65_000)
    for (number, tenant) in tenants.enumerated() {
      var record = UsageSource.record(Int(sequence) << 16 + number, tenant: tenant)
      if !context.isEmpty { record.context = "\(number) \(context)" }
      guard encoder.append(record) == .appended else { break }
    }
    var bytes: [UInt8] = []
    encoder.finish(sequence: sequence, highestSequence: highest ?? sequence, to: &bytes) { _ in 0 }
    return bytes
  }

  private var spanning: [String] { [world.tenant(of: 0), world.tenant(of: 1)] }

  /// The first answer of the next datagram; answers may share one.
  private func answer() throws -> (header: FrameHeader, bytes: [UInt8]) {
    let datagram = try #require(socket.receive(milliseconds: 30_000))
    let length = try FrameHeader.frameLength(
      peeking: RawSpan(_elements: datagram.span), limits: .standard)
    let bytes = Array(datagram.prefix(try #require(length)))
    let span = RawSpan(_elements: bytes.span)
    return (try FrameHeader(parsing: span, limits: .standard), bytes)
  }

  private func ack() throws -> Ack {
    let (header, bytes) = try answer()
    try #require(header.type == .ack)
    let span = RawSpan(_elements: bytes.span)
    return try Ack(parsing: span, header: header)
  }

  private func refusal() throws -> Refusal {
    let (header, bytes) = try answer()
    try #require(header.type == .refusal)
    let span = RawSpan(_elements: bytes.span)
    return try Refusal(parsing: span, header: header)
  }

  @Test("a batch is acked once every partition has synced it", .timeLimit(.minutes(3)))
  func waitsForAll() throws {
    world.hold(1)
    socket.send(try Self.frame(1, spanning))
    // One without records for the partition that is held: its receipt stands there all the same.
    socket.send(try Self.frame(2, [spanning[0]]))
    let (held, free) = (world.partitions[1], world.partitions[0])
    try world.wait("synced by the one that is held") {
      world.ask(held.home) {
        held.judged.count > 0 && held.ledger.counters.batches == 2
          && held.judged.allSatisfy { $0.end <= held.writer.synced.position }
      }
    }
    try world.wait("released by the other one") {
      world.ask(free.home) { free.ledger.counters.batches == 2 && free.judged.isEmpty }
    }
    #expect(socket.receive(milliseconds: 300) == nil)
    #expect(world.ask(world.home) { world.reception.waitingAnswers } == 2)
    world.release(1)
    #expect(try ack().receipt == AckReceipt(counts: VerdictCounts(accepted: 2)))
    try world.wait("answered") { world.ask(world.home) { world.reception.waitingAnswers } == 0 }
  }

  @Test("a batch that one partition refuses is refused, and counts once", .timeLimit(.minutes(3)))
  func refusesAsAWhole() throws {
    let full = world.partitions[1]
    world.ask(full.home) { full.isBelowReserve = true }
    socket.send(try Self.frame(1, spanning))
    #expect(try refusal().reason == .diskReserve)
    world.ask(full.home) { full.isBelowReserve = false }
    socket.send(try Self.frame(1, spanning))
    #expect(try ack().receipt == AckReceipt(counts: VerdictCounts(accepted: 2)))
    socket.send(try Self.frame(1, spanning))
    #expect(
      try ack().receipt == AckReceipt(counts: VerdictCounts(accepted: 2), isResent: true))
    for partition in world.partitions {
      let counters = world.ask(partition.home) { partition.ledger.counters }
      #expect(counters.batches == 1)
      #expect(counters.verdicts[Int(Verdict.accepted.rawValue)] == 1)
    }
    let counters = world.ask(world.home) { world.reception.counters }
    #expect(counters.batches == 1 && counters.resent == 1 && counters.refused == [.diskReserve: 1])
  }

  @Test("a batch whose sequence was used for another one is archived", .timeLimit(.minutes(3)))
  func archivesContradictions() throws {
    let full = world.partitions[1]
    world.ask(full.home) { full.isBelowReserve = true }
    socket.send(try Self.frame(1, [spanning[0], spanning[0], spanning[1]]))
    #expect(try refusal().reason == .diskReserve)
    world.ask(full.home) { full.isBelowReserve = false }
    socket.send(try Self.frame(1, [spanning[1]]))
    #expect(try ack().receipt == AckReceipt(archivedBatchOf: 1))
  }

  @Test("what one reception may have in hand is bounded", .timeLimit(.minutes(5)))
  func boundsWhatIsInHand() throws {
    world.hold(1)
    let context = String(repeating: "c", count: 245)
    let tenants = [String](repeating: world.tenant(of: 0), count: 300)
    var sequence: UInt64 = 0
    var last: [UInt8] = []
    var refused: UInt64?
    while refused == nil, sequence < 300 {
      sequence += 1
      last = try Self.frame(sequence, tenants, context: context)
      socket.send(last)
      try world.wait("received") {
        world.ask(world.home) { world.reception.counters.frames } == sequence
      }
      refused = world.ask(world.home) { world.reception.counters.refused[.queueFull] }
    }
    #expect(refused == 1)
    #expect(try refusal().reason == .queueFull)
    let waiting = world.ask(world.home) { world.reception.waitingAnswers }
    #expect(waiting == Int(sequence) - 1)
    #expect(waiting * last.count >= HandOver.byteLimit)
    #expect((waiting - 1) * last.count < HandOver.byteLimit)
    world.release(1)
    try world.wait("answered") { world.ask(world.home) { world.reception.waitingAnswers } == 0 }
    while socket.receive(milliseconds: 100) != nil {}
    socket.send(last)
    #expect(try ack().header.sequence == sequence)
  }

  @Test("every partition hears what sources say of themselves", .timeLimit(.minutes(3)))
  func tellsEveryPartition() throws {
    socket.send(try Self.frame(2, spanning, highest: 3))
    #expect(try ack().missing == [1...1, 3...3])
    var heartbeat: [UInt8] = []
    try FrameEncoder(source: SourceIdentity(name: "raw", epoch: 1), keyID: .none).appendHeartbeat(
      highestSequence: 9, time: Timestamp(milliseconds: UsageSource.now()), to: &heartbeat
    ) { _ in 0 }
    socket.send(heartbeat)
    try world.wait("heard") {
      world.partitions.allSatisfy { partition in
        world.ask(partition.home) { partition.ledger.sourceGaps(limit: 1).latest.first }?
          .missingCount == 8
      }
    }
  }

  @Test("a period that one partition cannot close is finalized in none", .timeLimit(.minutes(3)))
  func finalizesNothingAgainstARefusal() throws {
    socket.send(try Self.frame(1, spanning))
    _ = try ack()
    let month = BillingPeriod(containing: Timestamp(milliseconds: UsageSource.now()))
    let last = try #require(month.previous)
    // Closed here, and not in the other partition.
    let closed = ClosedHours(through: last.lastHour, flushedThrough: last.lastHour)
      .joined(ClosedHours(through: nil, flushedThrough: nil))
    let order = FinalizeOrder(period: last, operatorName: "test", closed: closed)
    for (number, partition) in world.partitions.enumerated() {
      let end = world.ask(partition.home) { partition.ledger.end }
      for isDryRun in [false, true] {
        let results = world.ask(partition.home) {
          partition.finalize(order, of: spanning[number], isDryRun: isDryRun)
        }
        #expect(results.map(\.tenant) == [spanning[number]])
        let refusal = FinalizeRefusal.hoursOpen(PeriodBounds(monthOf: last), closedThrough: nil)
        #expect(results.first?.refusal == refusal.description)
      }
      #expect(world.ask(partition.home) { partition.ledger.end } == end)
    }
  }

  @Test("stopping waits for what is in hand, and refuses the rest", .timeLimit(.minutes(3)))
  func drains() throws {
    world.hold(1)
    socket.send(try Self.frame(1, spanning))
    try world.wait("in hand") { world.ask(world.home) { world.reception.waitingAnswers } == 1 }
    var isIdle = false
    world.ask(world.home) { world.reception.drain { isIdle = true } }
    #expect(world.ask(world.home) { isIdle } == false)
    world.release(1)
    #expect(try ack().receipt == AckReceipt(counts: VerdictCounts(accepted: 2)))
    try world.wait("idle") { world.ask(world.home) { isIdle } }
    let late = try Self.frame(2, spanning)
    world.ask(world.home) {
      let endpoint = world.reception.endpoints[0]
      let bytes = RawSpan(_elements: late.span)
      world.reception.receive(datagram: bytes, from: endpoint.localAddress, on: endpoint)
      world.reception.judge()
    }
    #expect(world.ask(world.home) { world.reception.counters.refused } == [.draining: 1])
  }
}
