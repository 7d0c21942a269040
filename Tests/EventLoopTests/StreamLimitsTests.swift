import EventLoop
import Testing

@Suite struct StreamLimitsTests {
  @Test(arguments: [nil, 5] as [UInt8?])
  func anIdleConnectionCloses(trickle: UInt8?) throws {
    // A trickle of a frame that never ends is no progress.
    try withLoop { loop in
      var options = StreamListener.Options()
      options.limits.idleMilliseconds = 300
      var reason: StreamCloseReason?
      let listener = try StreamListener(on: loop, at: .tcp(loopbacks[0]), options: options) { _ in
        StreamHandlers(
          onRead: { _, _ in 0 },
          onClose: {
            reason = $1
            loop.stop()
          })
      }
      let client = try StreamConnection.connect(
        on: loop, to: listener.localAddress, handlers: StreamHandlers(onRead: echo))
      let timer = loop.makeTimer(after: 0, every: 20) {
        if let trickle { client.send([trickle]) }
      }
      runUntilStopped(loop)
      timer.close()
      #expect(reason == .idle)
    }
  }

  @Test func aBusyConnectionIsNotIdle() throws {
    try withLoop { loop in
      var options = StreamListener.Options()
      options.limits.idleMilliseconds = 5_000
      var rounds = 0
      let listener = try StreamListener(on: loop, at: .tcp(loopbacks[0]), options: options) { _ in
        StreamHandlers(onRead: echo, onClose: { _, reason in #expect(reason == .finished) })
      }
      let client = try StreamConnection.connect(
        on: loop, to: listener.localAddress,
        handlers: StreamHandlers(
          onRead: { connection, bytes in
            rounds += 1
            if rounds == 20 { connection.finish() }
            return bytes.byteCount
          }, onClose: { _, _ in listener.close() }))
      let timer = loop.makeTimer(after: 0, every: 30) { client.send([1]) }
      timer.keepsLoopRunning = false
      loop.run()
      timer.close()
      #expect(rounds >= 20)
    }
  }

  @Test func aFrameBeyondTheInputLimitCloses() throws {
    try withLoop { loop in
      for (limit, count) in [(1_000, 1_000), (20_000, 20_000), (400_000, 400_000)] {
        var options = StreamListener.Options()
        options.limits.maximumInputBytes = limit
        var reason: StreamCloseReason?
        var longest = 0
        let listener = try StreamListener(on: loop, at: .tcp(loopbacks[0]), options: options) { _ in
          StreamHandlers(
            onRead: { _, bytes in
              longest = max(longest, bytes.byteCount)
              return 0
            },
            onClose: {
              reason = $1
              loop.stop()
            })
        }
        let client = try StreamConnection.connect(
          on: loop, to: listener.localAddress, handlers: StreamHandlers(onRead: echo))
        client.send([UInt8](repeating: 0, count: count))
        runUntilStopped(loop)
        #expect(reason == .inputTooLong)
        #expect(longest == limit)
        listener.close()
        client.close()
      }
    }
  }

  @Test func readingPausesForWhatIsOwed() throws {
    try withLoop { loop in
      let limits = StreamLimits()
      var taken = 0
      var server: StreamConnection?
      let listener = try StreamListener(
        on: loop, at: .tcp(loopbacks[0]), options: StreamListener.Options(limits: limits)
      ) { connection in
        server = connection
        return StreamHandlers(onRead: { connection, bytes in
          taken += bytes.byteCount
          connection.owe(bytes.byteCount)
          return bytes.byteCount
        })
      }
      var clientLimits = limits
      clientLimits.maximumOutputBytes = 64 << 20
      clientLimits.writeHighWaterBytes = 64 << 20
      let client = try StreamConnection.connect(
        on: loop, to: listener.localAddress, limits: clientLimits,
        handlers: StreamHandlers(onRead: { _, bytes in bytes.byteCount }))
      let count = 24 << 20
      client.send([UInt8](repeating: 7, count: count))
      var seen: [Int] = []
      // Answers come late, and all at once: they fit however many there are.
      let timer = loop.makeTimer(after: 100, every: 100) {
        seen.append(taken)
        guard let server, seen.count > 1, seen[seen.count - 2] == taken, taken > 0 else { return }
        let owed = seen.count.isMultiple(of: 2) ? server.owedByteCount : server.owedByteCount / 2
        #expect(server.isClosed || server.send([UInt8](repeating: 1, count: owed)))
        server.settle(owed)
        if taken == count, server.owedByteCount == 0 { loop.stop() }
      }
      runUntilStopped(loop)
      timer.close()
      #expect(taken == count)
      #expect(seen.max() ?? 0 > 0 && (seen.first { $0 > 0 } ?? 0) < limits.maximumOutputBytes)
    }
  }

  @Test func tooMuchOutputCloses() throws {
    try withLoop { loop in
      var limits = StreamLimits()
      limits.writeHighWaterBytes = 1_000
      limits.maximumOutputBytes = 1_000
      let listener = try StreamListener(on: loop, at: .tcp(loopbacks[0])) { _ in nil }
      var reason: StreamCloseReason?
      let client = try StreamConnection.connect(
        on: loop, to: listener.localAddress, limits: limits,
        handlers: StreamHandlers(
          onRead: echo,
          onClose: {
            reason = $1
            listener.close()
          }))
      #expect(client.send([UInt8](repeating: 0, count: 999)))
      #expect(client.writeQueueSize == 999)
      #expect(client.send([0]))
      #expect(!client.isClosed)
      #expect(!client.send([0]))
      #expect(client.isClosed)
      loop.run()
      #expect(reason == .outputTooLong)
    }
  }
}
