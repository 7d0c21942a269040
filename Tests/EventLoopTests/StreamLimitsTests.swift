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
