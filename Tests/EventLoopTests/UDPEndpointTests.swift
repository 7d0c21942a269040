import Glibc
import Testing

@testable import EventLoop

@Suite struct UDPEndpointTests {
  /// Runs until `count` datagrams have come to `endpoint`; answers them.
  private func receive(_ count: Int, at endpoint: UDPEndpoint) -> [[UInt8]] {
    var datagrams: [[UInt8]] = []
    endpoint.startReceiving(
      onDatagram: { bytes, _ in datagrams.append(Array(copying: bytes)) },
      onBatchEnd: { if datagrams.count >= count { endpoint.loop.stop() } })
    runUntilStopped(endpoint.loop)
    return datagrams
  }

  private func queue(_ bytes: [UInt8], _ endpoint: UDPEndpoint, to peer: SocketAddress) {
    unsafe endpoint.queue(bytes.span.bytes, to: peer)
  }

  @Test(arguments: loopbacks)
  func datagramsAreEchoed(address: SocketAddress) throws {
    try withLoop { loop in
      let server = try UDPEndpoint(on: loop, bind: address)
      let client = try UDPEndpoint(on: loop, bind: address)
      #expect(server.localAddress.port != 0)
      #expect(server.localAddress.withPort(0) == address)
      var peers: Set<SocketAddress> = []
      server.startReceiving(
        onDatagram: { bytes, peer in
          peers.insert(peer)
          server.queue(bytes, to: peer)
        },
        onBatchEnd: { server.flushQueued() })
      for length in [0, 1, 1_432, 9_000, 65_507] {
        let frame = (0..<length).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        queue(frame, client, to: server.localAddress)
        client.flushQueued()
        #expect(receive(1, at: client) == [frame])
      }
      #expect(peers == [client.localAddress])
      #expect(server.statistics.datagramsReceived == 5)
      #expect(server.statistics.datagramsSent == 5)
    }
  }

  @Test(arguments: loopbacks)
  func framesToOnePeerShareADatagram(address: SocketAddress) throws {
    try withLoop { loop in
      let sender = try UDPEndpoint(
        on: loop, bind: address, options: UDPOptions(maximumDatagramLength: 100))
      let first = try UDPEndpoint(on: loop, bind: address)
      let second = try UDPEndpoint(on: loop, bind: address)
      for number in 0..<5 {
        let frame = [UInt8](repeating: UInt8(number), count: 40)
        queue(frame, sender, to: first.localAddress)
        queue(frame, sender, to: second.localAddress)
      }
      sender.flushQueued()
      let expected = [0...1, 2...3, 4...4].map { numbers in
        numbers.flatMap { [UInt8](repeating: UInt8($0), count: 40) }
      }
      #expect(receive(3, at: first) == expected)
      #expect(receive(3, at: second) == expected)
      #expect(sender.statistics.framesQueued == 10)
      #expect(sender.statistics.datagramsSent == 6)
    }
  }

  /// Sends datagrams of one length and gives how many of them each batch brought.
  private func batches(of count: Int, length: Int, on loop: EventLoop) throws -> [Int] {
    let receiver = try UDPEndpoint(
      on: loop, bind: loopbacks[0], options: UDPOptions(receiveBufferBytes: 1 << 20))
    let sender = try UDPEndpoint(
      on: loop, bind: loopbacks[0], options: UDPOptions(maximumDatagramLength: length))
    for number in 0..<count {
      let frame = [UInt8](repeating: UInt8(number & 0xff), count: length)
      queue(frame, sender, to: receiver.localAddress)
    }
    sender.flushQueued()
    var batch = 0
    var batches: [Int] = []
    receiver.startReceiving(
      onDatagram: { bytes, _ in
        #expect(bytes.byteCount == length)
        batch += 1
      },
      onBatchEnd: {
        batches.append(batch)
        batch = 0
        if batches.reduce(0, +) == count { loop.stop() }
      })
    runUntilStopped(loop)
    #expect(!receiver.holdsDatagrams)
    return batches
  }

  @Test func manyDatagramsArriveInOneBatch() throws {
    try withLoop { loop in
      let batches = try batches(of: 300, length: 8, on: loop)
      #expect(batches == [300])
    }
  }

  @Test func aBatchIsLimitedInBytes() throws {
    try withLoop { loop in
      // The first read does not know yet how long datagrams are, the others do.
      let batches = try batches(of: 120, length: 4_000, on: loop)
      #expect(batches == [64, 32, 24])
    }
  }

  @Test func whatWaitsIsSeen() throws {
    try withLoop { loop in
      let receiver = try UDPEndpoint(on: loop, bind: loopbacks[0])
      let sender = try UDPEndpoint(on: loop, bind: loopbacks[0])
      #expect(!receiver.holdsDatagrams)
      queue([1], sender, to: receiver.localAddress)
      sender.flushQueued()
      #expect(receiver.holdsDatagrams)
      #expect(receive(1, at: receiver) == [[1]])
      #expect(!receiver.holdsDatagrams)
    }
  }

  @Test func aFullQueueDropsAndCounts() throws {
    try withLoop { loop in
      let sender = try UDPEndpoint(
        on: loop, bind: loopbacks[0],
        options: UDPOptions(maximumDatagramLength: 100, sendQueueBytes: 250))
      for port in 1...3 {
        queue([1, 2, 3], sender, to: loopbacks[0].withPort(UInt16(port)))
      }
      #expect(sender.statistics.framesQueued == 2)
      #expect(sender.statistics.framesDropped == 1)
    }
  }

  @Test func aStalledQueueLeavesWhenTheSocketIsWritable() throws {
    try withLoop { loop in
      let receiver = try UDPEndpoint(on: loop, bind: loopbacks[0])
      let sender = try UDPEndpoint(on: loop, bind: loopbacks[0])
      for round in 0..<2 {
        queue([UInt8(round)], sender, to: receiver.localAddress)
        sender.awaitWritability()
        sender.flushQueued()
        #expect(sender.statistics.datagramsSent == UInt64(round), "a stalled queue waits")
        #expect(receive(1, at: receiver) == [[UInt8(round)]])
      }
      sender.awaitWritability()
    }
  }

  @Test func whatTheKernelRefusesIsCountedAndTheRestLeaves() throws {
    try withLoop { loop in
      let receiver = try UDPEndpoint(on: loop, bind: loopbacks[0])
      let sender = try UDPEndpoint(on: loop, bind: loopbacks[0])
      queue([UInt8](repeating: 0, count: 65_508), sender, to: receiver.localAddress)
      queue([1], sender, to: loopbacks[1].withPort(9))
      queue([2], sender, to: receiver.localAddress)
      sender.flushQueued()
      #expect(receive(1, at: receiver) == [[2]])
      #expect(sender.statistics.sendErrors == 2)
      #expect(sender.statistics.datagramsSent == 1)
    }
  }

  @Test func theKernelsDropsAreRead() throws {
    try withLoop { loop in
      let receiver = try UDPEndpoint(
        on: loop, bind: loopbacks[0], options: UDPOptions(receiveBufferBytes: 4_096))
      let sender = try UDPEndpoint(on: loop, bind: loopbacks[0])
      #expect(receiver.kernelDrops == 0)
      for _ in 0..<100 {
        queue([UInt8](repeating: 0, count: 1_400), sender, to: receiver.localAddress)
        sender.flushQueued()
      }
      let drops = receiver.kernelDrops
      #expect((1..<100).contains(drops))
      #expect(receiver.kernelDrops == drops)
      #expect(receive(Int(100 - drops), at: receiver).count == Int(100 - drops))
    }
  }

  @Test func theGrantedReceiveBufferIsTold() throws {
    try withLoop { loop in
      let small = try UDPEndpoint(
        on: loop, bind: loopbacks[0], options: UDPOptions(receiveBufferBytes: 50_000))
      let huge = try UDPEndpoint(
        on: loop, bind: loopbacks[0], options: UDPOptions(receiveBufferBytes: .max))
      #expect(small.receiveBufferBytes == 50_000)
      #expect(huge.receiveBufferBytes > 50_000)
      #expect(huge.receiveBufferBytes < 1 << 30)
    }
  }

  @Test(arguments: loopbacks)
  func aConnectedEndpointTalksToItsPeer(address: SocketAddress) throws {
    try withLoop { loop in
      let server = try UDPEndpoint(on: loop, bind: address)
      let client = try UDPEndpoint(on: loop, connectedTo: server.localAddress)
      let stranger = try UDPEndpoint(on: loop, bind: address)
      #expect(client.peer == server.localAddress)
      queue([9], stranger, to: client.localAddress)
      stranger.flushQueued()
      queue([1], client, to: server.localAddress)
      client.flushQueued()
      var peer: SocketAddress?
      server.startReceiving(
        onDatagram: { bytes, from in
          peer = from
          server.queue(bytes, to: from)
        },
        onBatchEnd: { server.flushQueued() })
      #expect(receive(1, at: client) == [[1]])
      #expect(peer == client.localAddress)
    }
  }

  @Test func aPeerThatDoesNotListenIsAReceiveError() throws {
    try withLoop { loop in
      let gone = try UDPEndpoint(on: loop, bind: loopbacks[0])
      let client = try UDPEndpoint(on: loop, connectedTo: gone.localAddress)
      gone.close()
      client.startReceiving(onDatagram: { _, _ in Issue.record("nobody sent this") })
      let check = loop.makeTimer(after: 1, every: 1) {
        if client.statistics.receiveErrors > 0 { loop.stop() }
        queue([1], client, to: gone.localAddress)
        client.flushQueued()
      }
      runUntilStopped(loop)
      check.close()
    }
  }

  @Test(arguments: loopbacks)
  func anAddressInUseIsAReadableError(address: SocketAddress) throws {
    try withLoop { loop in
      let first = try UDPEndpoint(on: loop, bind: address)
      let taken = first.localAddress
      let error = #expect(throws: EventLoopError.self) { try UDPEndpoint(on: loop, bind: taken) }
      #expect(error?.description == "bind \(taken): address already in use (EADDRINUSE)")
      // Not even a socket that would share the address gets it.
      #expect(throws: EventLoopError.self) {
        try UDPEndpoint(on: loop, bind: taken, options: UDPOptions(sharing: .joining))
      }
    }
  }

  @Test(arguments: loopbacks)
  func theFirstOfSeveralJoinsNobody(address: SocketAddress) throws {
    try withLoop { loop in
      let options = UDPOptions(sharing: .first)
      let other = try UDPEndpoint(on: loop, bind: address, options: options)
      let error = #expect(throws: EventLoopError.self) {
        try UDPEndpoint(on: loop, bind: other.localAddress, options: options)
      }
      #expect(error?.name == "EADDRINUSE")
    }
  }

  @Test func anAddressOfAnotherMachineIsAReadableError() throws {
    try withLoop { loop in
      let address = try #require(SocketAddress("192.0.2.1:4040"))
      let error = #expect(throws: EventLoopError.self) { try UDPEndpoint(on: loop, bind: address) }
      #expect(error?.name == "EADDRNOTAVAIL")
      #expect(error?.operation == "bind")
      #expect(error?.address == "192.0.2.1:4040")
    }
  }

  @Test func socketsThatAgreeShareAnAddress() throws {
    try withLoop { loop in
      let first = try UDPEndpoint(
        on: loop, bind: loopbacks[0], options: UDPOptions(sharing: .first))
      let second = try UDPEndpoint(
        on: loop, bind: first.localAddress, options: UDPOptions(sharing: .joining))
      #expect(first.localAddress == second.localAddress)
      var received = 0
      for endpoint in [first, second] {
        endpoint.startReceiving(onDatagram: { _, _ in
          received += 1
          if received == 50 { loop.stop() }
        })
      }
      for _ in 0..<50 {
        let sender = try UDPEndpoint(on: loop, bind: loopbacks[0])
        queue([1], sender, to: first.localAddress)
        sender.flushQueued()
        sender.close()
      }
      runUntilStopped(loop)
      #expect(first.statistics.datagramsReceived + second.statistics.datagramsReceived == 50)
      #expect(first.statistics.datagramsReceived > 0)
      #expect(second.statistics.datagramsReceived > 0)
    }
  }

  @Test func bothFamiliesShareAPort() throws {
    try withLoop { loop in
      let v6 = try UDPEndpoint(on: loop, bind: try #require(SocketAddress("[::]:0")))
      let v4 = try #require(SocketAddress("0.0.0.0:0")).withPort(v6.localAddress.port)
      _ = try UDPEndpoint(on: loop, bind: v4)
    }
  }

  @Test func closingInABatchEndsTheBatch() throws {
    try withLoop { loop in
      let receiver = try UDPEndpoint(on: loop, bind: loopbacks[0])
      let sender = try UDPEndpoint(
        on: loop, bind: loopbacks[0], options: UDPOptions(maximumDatagramLength: 1))
      for _ in 0..<10 { queue([1], sender, to: receiver.localAddress) }
      sender.flushQueued()
      var received = 0
      receiver.startReceiving(
        onDatagram: { _, _ in
          received += 1
          if received == 3 {
            receiver.close()
            receiver.close()
          }
        },
        onBatchEnd: { Issue.record("the endpoint is closed") })
      sender.close()
      loop.run()
      #expect(received == 3)
      #expect(receiver.statistics.datagramsReceived == 3)
      // A closed endpoint does nothing.
      queue([1], receiver, to: receiver.localAddress)
      receiver.flushQueued()
      receiver.stopReceiving()
      #expect(receiver.kernelDrops == 0)
    }
  }

  @Test func stoppedReceivingLeavesDatagramsInTheSocket() throws {
    try withLoop { loop in
      let receiver = try UDPEndpoint(on: loop, bind: loopbacks[0])
      let sender = try UDPEndpoint(on: loop, bind: loopbacks[0])
      queue([1], sender, to: receiver.localAddress)
      sender.flushQueued()
      receiver.startReceiving(onDatagram: { _, _ in Issue.record("receiving was stopped") })
      receiver.stopReceiving()
      let timer = loop.makeTimer(after: 5) { loop.stop() }
      runUntilStopped(loop)
      timer.close()
      #expect(receive(1, at: receiver) == [[1]])
    }
  }

  @Test func aClosedEndpointGoesAway() throws {
    weak var old: UDPEndpoint?
    try withLoop { loop in
      let endpoint = try UDPEndpoint(on: loop, bind: loopbacks[0])
      old = endpoint
      // The handler holds the endpoint, as handlers do.
      endpoint.startReceiving(onDatagram: { bytes, peer in endpoint.queue(bytes, to: peer) })
      endpoint.awaitWritability()
    }
    #expect(old == nil)
  }
}
