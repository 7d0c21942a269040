import EventLoop
import SeededRandom
import Testing

@Suite struct StreamConnectionTests {
  @Test(arguments: Place.allCases)
  func bytesAreEchoedUntilBothSidesEnd(place: Place) throws {
    try withLoop { loop in
      var serverReason: StreamCloseReason?
      let listener = try StreamListener(on: loop, at: place.address()) { _ in
        StreamHandlers(onRead: echo, onClose: { _, reason in serverReason = reason })
      }
      let sent = (0..<300_000).map { UInt8(truncatingIfNeeded: $0 &* 17 >> 3) }
      var received: [UInt8] = []
      var clientReason: StreamCloseReason?
      // Written and ended before the connection stands.
      let client = try StreamConnection.connect(
        on: loop, to: listener.localAddress,
        handlers: StreamHandlers(
          onRead: collecting { received += $0 },
          onClose: { _, reason in
            clientReason = reason
            listener.close()
          }))
      #expect(client.send(sent))
      client.finish()
      #expect(!client.send([1]))
      loop.run()
      #expect(received == sent)
      #expect(clientReason == .finished)
      #expect(serverReason == .finished)
      #expect(listener.connectionCount == 0)
    }
  }

  @Test(arguments: Place.allCases)
  func partialAndPipelinedFramesComeWhole(place: Place) throws {
    // A frame is one byte of length and as many bytes.
    try withLoop { loop in
      var frames: [[UInt8]] = []
      let listener = try StreamListener(on: loop, at: place.address()) { _ in
        StreamHandlers(onRead: { _, span in
          let bytes = Array(copying: span)
          var consumed = 0
          while consumed < bytes.count, bytes.count - consumed > Int(bytes[consumed]) {
            let end = consumed + 1 + Int(bytes[consumed])
            frames.append(Array(bytes[(consumed + 1)..<end]))
            consumed = end
          }
          return consumed
        })
      }
      let expected = (0..<200).map { [UInt8](repeating: UInt8($0), count: $0 % 40) }
      var stream = expected.flatMap { [UInt8($0.count)] + $0 }
      var random = SplitMix64(seed: 7)
      let client = try StreamConnection.connect(
        on: loop, to: listener.localAddress,
        handlers: StreamHandlers(onRead: collecting { _ in }))
      let timer = loop.makeTimer(after: 0, every: 1) {
        let length = min(stream.count, Int.random(in: 1...90, using: &random))
        client.send(Array(stream.prefix(length)))
        stream.removeFirst(length)
        if frames.count == expected.count { loop.stop() }
      }
      runUntilStopped(loop)
      timer.close()
      #expect(frames == expected)
    }
  }

  @Test(arguments: Place.allCases)
  func aSlowReaderPausesReading(place: Place) throws {
    try withLoop { loop in
      // Each byte is answered with 1,000; the client reads nothing until the server has paused.
      var server: StreamConnection?
      var answered = 0
      var options = StreamListener.Options()
      options.limits.writeHighWaterBytes = 100_000
      let total = 20_000
      let listener = try StreamListener(on: loop, at: place.address(), options: options) {
        connection in
        server = connection
        return StreamHandlers(onRead: { connection, bytes in
          // One at a time: the rest comes again after the pause.
          var consumed = 0
          while consumed < bytes.byteCount, !connection.isReadingPaused {
            connection.send([UInt8](repeating: 1, count: 1_000))
            consumed += 1
          }
          answered += consumed
          return consumed
        })
      }
      var received = 0
      var highest = 0
      var sawPause = false
      var client: BlockingPeer? = try BlockingPeer(listener.localAddress)
      client?.send([UInt8](repeating: 7, count: total))
      let timer = loop.makeTimer(after: 0, every: 1) {
        guard let server else { return }
        highest = max(highest, server.writeQueueSize)
        if server.isReadingPaused { sawPause = true }
        if sawPause { received += client?.receiveAvailable() ?? 0 }
        if received == total * 1_000 { loop.stop() }
      }
      runUntilStopped(loop)
      timer.close()
      #expect(sawPause)
      #expect(answered == total)
      #expect(highest <= 101_000)
      #expect(server?.writeQueueSize == 0)
      client = nil
    }
  }

  @Test(arguments: Place.allCases)
  func aHalfClosedPeerStillGetsItsAnswer(place: Place) throws {
    try withLoop { loop in
      var ended = false
      let listener = try StreamListener(on: loop, at: place.address()) { _ in
        StreamHandlers(
          onRead: { _, _ in 0 },
          onEnd: { connection in
            ended = true
            #expect(connection.peerHasEnded)
            #expect(connection.unconsumedByteCount == 3)
            _ = loop.makeTimer(after: 1) {
              connection.send([4, 5])
              connection.finish()
            }
          })
      }
      var received: [UInt8] = []
      let client = try StreamConnection.connect(
        on: loop, to: listener.localAddress,
        handlers: StreamHandlers(
          onRead: collecting { received += $0 },
          onClose: { _, reason in
            #expect(reason == .finished)
            listener.close()
          }))
      client.send([1, 2, 3])
      client.finish()
      loop.run()
      #expect(ended)
      #expect(received == [4, 5])
    }
  }

  @Test func everyHandlerMayClose() throws {
    try withLoop { loop in
      for handler in 0..<5 {
        var closes = 0
        let close: (StreamConnection) -> Void = { connection in
          connection.close()
          connection.close()
          connection.finish()
          #expect(!connection.send([1]))
        }
        let listener = try StreamListener(on: loop, at: .tcp(loopbacks[0])) { connection in
          if handler == 0 { close(connection) }
          return StreamHandlers(
            onRead: { connection, bytes in
              connection.send([1])
              if handler == 1 { close(connection) }
              return bytes.byteCount
            },
            onEnd: { handler == 2 ? close($0) : $0.finish() },
            onDrain: { if handler == 3 { close($0) } },
            onClose: { connection, _ in
              close(connection)
              closes += 1
              loop.stop()
            })
        }
        let client = try StreamConnection.connect(
          on: loop, to: listener.localAddress, handlers: StreamHandlers(onRead: echo),
          onConnect: { connection in
            connection.send([1])
            handler == 4 ? close(connection) : connection.finish()
          })
        if handler == 0 {
          // The listener's connection has no handlers yet: the client sees the end.
          client.setHandlers(
            StreamHandlers(onRead: echo, onClose: { _, _ in loop.stop() }))
          closes = 1
        }
        runUntilStopped(loop)
        #expect(closes == 1, "handler \(handler)")
        listener.close()
        client.close()
      }
    }
  }

  @Test func aResetIsAFailure() throws {
    try withLoop { loop in
      var reason: StreamCloseReason?
      var peer: BlockingPeer?
      let listener = try StreamListener(on: loop, at: .tcp(loopbacks[0])) { _ in
        peer?.resetWhenClosed()
        peer = nil
        return StreamHandlers(
          onRead: echo,
          onClose: {
            reason = $1
            loop.stop()
          })
      }
      peer = try BlockingPeer(listener.localAddress)
      runUntilStopped(loop)
      guard case .failed(let error) = reason else {
        Issue.record("closed because \(String(describing: reason))")
        return
      }
      #expect(error.name == "ECONNRESET")
      #expect(error.operation == "read")
    }
  }

  @Test func writingToAResetConnectionIsAFailure() throws {
    try withLoop { loop in
      var reason: StreamCloseReason?
      var peer: BlockingPeer?
      let listener = try StreamListener(on: loop, at: .tcp(loopbacks[0])) { connection in
        peer?.resetWhenClosed()
        peer = nil
        connection.send([1])
        return StreamHandlers(
          onRead: echo,
          onClose: {
            reason = $1
            loop.stop()
          })
      }
      peer = try BlockingPeer(listener.localAddress)
      runUntilStopped(loop)
      guard case .failed(let error) = reason else {
        Issue.record("closed because \(String(describing: reason))")
        return
      }
      #expect(["ECONNRESET", "EPIPE"].contains(error.name))
    }
  }

  @Test(arguments: Place.allCases)
  func nobodyListensThere(place: Place) throws {
    try withLoop { loop in
      let listener = try StreamListener(on: loop, at: place.address()) { _ in nil }
      let address = listener.localAddress
      listener.close()
      var reason: StreamCloseReason?
      let client = try StreamConnection.connect(
        on: loop, to: address,
        handlers: StreamHandlers(onRead: echo, onClose: { reason = $1 }),
        onConnect: { _ in Issue.record("nobody listens") })
      client.send([1])
      loop.run()
      guard case .failed(let error) = reason else {
        Issue.record("closed because \(String(describing: reason))")
        return
      }
      #expect(error.operation == "connect")
      #expect(error.name == (place == .unix ? "ENOENT" : "ECONNREFUSED"))
      #expect(error.address == address.description)
    }
  }

  @Test func aConnectionGoesAwayWithItsHandlers() throws {
    weak var oldServer: StreamConnection?
    weak var oldClient: StreamConnection?
    try withLoop { loop in
      let listener = try StreamListener(on: loop, at: .tcp(loopbacks[0])) { connection in
        oldServer = connection
        return StreamHandlers(onRead: { _, bytes in
          connection.write(bytes)
          return bytes.byteCount
        })
      }
      var client: StreamConnection?
      client = try StreamConnection.connect(
        on: loop, to: listener.localAddress,
        handlers: StreamHandlers(onRead: { _, bytes in
          client?.finish()
          loop.stop()
          return bytes.byteCount
        }))
      oldClient = client
      client?.send([1])
      runUntilStopped(loop)
      client = nil
    }
    #expect(oldServer == nil)
    #expect(oldClient == nil)
  }
}
