import EventLoop
import Glibc
import Testing

@Suite struct EventLoopTests {
  @Test func anEmptyLoopReturnsAtOnce() throws {
    try withLoop { loop in loop.run() }
  }

  @Test func aLoopClosesTwiceAndWithoutHavingRun() throws {
    let loop = try EventLoop()
    _ = loop.makeTimer(after: 1) {}
    _ = try loop.makeWakeup {}
    loop.close()
    loop.close()
  }

  @Test func aLoopThatIsForgottenGoesAway() throws {
    weak var forgotten: EventLoop?
    do {
      let loop = try EventLoop()
      forgotten = loop
    }
    #expect(forgotten == nil)
  }

  @Test func aClosedLoopAndItsHandlesGoAway() throws {
    weak var oldLoop: EventLoop?
    weak var oldTimer: LoopTimer?
    do {
      let loop = try EventLoop()
      let timer = loop.makeTimer(after: 1) { loop.stop() }
      oldLoop = loop
      oldTimer = timer
      loop.run()
      loop.close()
      #expect(timer.isClosed)
    }
    #expect(oldLoop == nil)
    #expect(oldTimer == nil)
  }

  @Test func hooksRunInOrderAfterTheCallbacksOfAnIteration() throws {
    try withLoop { loop in
      var events: [String] = []
      loop.onIterationEnd { if events.last == "timer" { events.append("first") } }
      loop.onIterationEnd { if events.last == "first" { events.append("second") } }
      for _ in 0..<2 {
        let timer = loop.makeTimer(after: 0) { events.append("timer") }
        loop.run()
        timer.close()
      }
      #expect(events == ["timer", "first", "second", "timer", "first", "second"])
    }
  }

  @Test func hooksRunOnceMoreWhenTheLoopStops() throws {
    try withLoop { loop in
      var isStopped = false
      var ranAfterStop = false
      let wakeup = try loop.makeWakeup {
        isStopped = true
        loop.stop()
      }
      loop.onIterationEnd { ranAfterStop = isStopped }
      wakeup.signal()
      runUntilStopped(loop)
      #expect(ranAfterStop)
    }
  }

  @Test func aStoppedLoopRunsOn() throws {
    try withLoop { loop in
      var count = 0
      _ = loop.makeTimer(after: 0, every: 1) {
        count += 1
        loop.stop()
      }
      runUntilStopped(loop)
      runUntilStopped(loop)
      #expect(count == 2)
    }
  }

  @Test func clocksAgreeWithThemselves() {
    let first = EventLoop.monotonicNanoseconds()
    let second = EventLoop.monotonicNanoseconds()
    #expect(first <= second)
    #expect(EventLoop.monotonicMilliseconds() >= second / 1_000_000)
    // 2020-01-01 and 2200-01-01: milliseconds and not another unit.
    #expect((1_577_836_800_000...7_258_118_400_000).contains(EventLoop.wallMilliseconds()))
  }

  @Test func signalsOfTheProcessArrive() throws {
    try withLoop { loop in
      var received: [Int32] = []
      let watchers = try loop.onSignal([SIGUSR1, SIGUSR2]) { signal in
        received.append(signal)
        if received.count == 2 { loop.stop() }
      }
      let alive = loop.makeTimer(after: 30_000) {}
      kill(getpid(), SIGUSR1)
      kill(getpid(), SIGUSR2)
      runUntilStopped(loop)
      #expect(received.sorted() == [SIGUSR1, SIGUSR2])
      for watcher in watchers { watcher.close() }
      alive.close()
    }
  }

  @Test func aSignalThatCannotBeCaughtIsAnError() throws {
    try withLoop { loop in
      let error = #expect(throws: EventLoopError.self) {
        try loop.onSignal([SIGUSR1, SIGKILL]) { _ in }
      }
      #expect(error?.name == "EINVAL")
      #expect(error?.operation == "uv_signal_start")
    }
  }

  @Test func aSignalWatchKeepsNoLoopRunning() throws {
    try withLoop { loop in
      try loop.onSignal([SIGUSR1]) { _ in }
      loop.run()
    }
  }
}
