import EventLoop
import Testing

@Suite struct LoopTimerTests {
  @Test func aSingleTimerFiresOnce() throws {
    try withLoop { loop in
      var count = 0
      let timer = loop.makeTimer(after: 1) { count += 1 }
      loop.run()
      #expect(count == 1)
      timer.start(after: 0)
      loop.run()
      #expect(count == 2)
    }
  }

  @Test func aRepeatingTimerStopsInItsHandler() throws {
    try withLoop { loop in
      var count = 0
      var timer: LoopTimer?
      timer = loop.makeTimer(after: 0, every: 1) {
        count += 1
        if count == 5 { timer?.stop() }
      }
      loop.run()
      #expect(count == 5)
      timer?.close()
    }
  }

  @Test func aTimerClosesInItsHandler() throws {
    try withLoop { loop in
      var count = 0
      var timer: LoopTimer?
      timer = loop.makeTimer(after: 0, every: 1) {
        count += 1
        timer?.close()
        timer?.close()
        timer?.start(after: 0)
      }
      loop.run()
      #expect(count == 1)
    }
  }

  @Test func timersFireInTheOrderOfTheirTimes() throws {
    try withLoop { loop in
      var order: [Int] = []
      for delay in [3, 1, 2] {
        _ = loop.makeTimer(after: Int64(delay)) { order.append(delay) }
      }
      loop.run()
      #expect(order == [1, 2, 3])
    }
  }

  @Test func negativeTimesCountAsZero() throws {
    try withLoop { loop in
      var count = 0
      _ = loop.makeTimer(after: -5, every: -5) { count += 1 }
      loop.run()
      #expect(count == 1)
    }
  }

  @Test func aTimerThatKeepsNoLoopRunningDoesNot() throws {
    try withLoop { loop in
      let timer = loop.makeTimer(after: 1_000_000) {}
      #expect(timer.keepsLoopRunning)
      timer.keepsLoopRunning = false
      loop.run()
    }
  }
}
