import SeededRandom
import Testing

@testable import EventLoop

@Suite struct DatagramQueueTests {
  private func peer(_ number: Int) -> SocketAddress {
    SocketAddress(
      family: .v4, high: 0, low: UInt64(number / 7), scope: 0, port: UInt16(number % 7 + 1))
  }

  private func frame(_ length: Int, _ value: Int) -> [UInt8] {
    [UInt8](repeating: UInt8(truncatingIfNeeded: value), count: length)
  }

  /// Everything that waits, datagram by datagram.
  private func contents(_ queue: borrowing DatagramQueue) -> [(peer: SocketAddress, bytes: [UInt8])]
  {
    (0..<queue.waiting).map { index in
      (queue.peer(at: index), unsafe Array(queue.bytes(at: index)))
    }
  }

  @Test func framesToOnePeerShareADatagramAlsoBetweenOthers() {
    var queue = DatagramQueue(bytes: 10_000, datagramLimit: 100)
    for round in 0..<3 {
      for number in 0..<4 {
        let appended = unsafe queue.append(frame(10, round).span.bytes, to: peer(number))
        #expect(appended)
      }
    }
    let waiting = contents(queue)
    #expect(waiting.map(\.peer) == (0..<4).map(peer))
    for datagram in waiting {
      #expect(datagram.bytes == frame(10, 0) + frame(10, 1) + frame(10, 2))
    }
  }

  @Test(arguments: [(99, 1, 1), (99, 2, 2), (98, 2, 1), (100, 1, 2), (101, 1, 2), (50, 50, 1)])
  func aDatagramKeepsItsLimit(first: Int, second: Int, datagrams: Int) {
    var queue = DatagramQueue(bytes: 10_000, datagramLimit: 100)
    _ = unsafe queue.append(frame(first, 1).span.bytes, to: peer(0))
    _ = unsafe queue.append(frame(second, 2).span.bytes, to: peer(0))
    let waiting = queue.waiting
    #expect(waiting == datagrams)
  }

  @Test func aDatagramTakesSixtyFourFrames() {
    var queue = DatagramQueue(bytes: 10_000, datagramLimit: 1_000)
    for _ in 0..<65 { _ = unsafe queue.append(frame(1, 1).span.bytes, to: peer(0)) }
    let lengths = contents(queue).map(\.bytes.count)
    #expect(lengths == [64, 1])
  }

  @Test func aLongFrameGoesAlone() {
    var queue = DatagramQueue(bytes: 10_000, datagramLimit: 100)
    for length in [10, 500, 10] {
      _ = unsafe queue.append(frame(length, 1).span.bytes, to: peer(0))
    }
    let lengths = contents(queue).map(\.bytes.count)
    #expect(lengths == [10, 500, 10])
  }

  @Test func aFullQueueRefusesAndIsEmptyAgainWhenAllIsSent() {
    var queue = DatagramQueue(bytes: 300, datagramLimit: 100)
    for _ in 0..<2 {
      for number in 0..<3 {
        let appended = unsafe queue.append(frame(60, number).span.bytes, to: peer(number))
        #expect(appended)
      }
      // No fourth datagram; no room in the first one.
      let fourth = unsafe queue.append(frame(60, 9).span.bytes, to: peer(3))
      let second = unsafe queue.append(frame(60, 9).span.bytes, to: peer(0))
      let fits = unsafe queue.append(frame(40, 9).span.bytes, to: peer(0))
      #expect(!fourth && !second && fits)
      queue.removeFirst(2)
      let gone = unsafe queue.append(frame(1, 9).span.bytes, to: peer(0))
      #expect(!gone, "a datagram that was sent takes nothing more")
      queue.removeFirst(1)
      let isEmpty = queue.isEmpty
      #expect(isEmpty)
    }
    let tooLong = unsafe queue.append(frame(301, 1).span.bytes, to: peer(0))
    #expect(!tooLong)
  }

  @Test(arguments: [1 as UInt64, 2, 3, 4])
  func everyFrameLeavesOnceAndInOrder(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    var queue = DatagramQueue(bytes: 20_000, datagramLimit: 200)
    var expected: [SocketAddress: [UInt8]] = [:]
    var sent: [SocketAddress: [UInt8]] = [:]
    for step in 0..<20_000 {
      if Int.random(in: 0..<40, using: &random) == 0, !queue.isEmpty {
        let number = Int.random(in: 1...queue.waiting, using: &random)
        for (peer, bytes) in contents(queue).prefix(number) {
          #expect(bytes.count <= 200 || bytes.count == 300)
          sent[peer, default: []] += bytes
        }
        queue.removeFirst(number)
      }
      let peer = peer(Int.random(in: 0..<30, using: &random))
      let length = Int.random(in: 0..<50, using: &random)
      let frame = frame(length == 49 ? 300 : length, step)
      if unsafe queue.append(frame.span.bytes, to: peer) { expected[peer, default: []] += frame }
    }
    for (peer, bytes) in contents(queue) { sent[peer, default: []] += bytes }
    #expect(sent.values.reduce(0) { $0 + $1.count } > 100_000)
    let isEqual = sent == expected
    #expect(isEqual)
  }
}
