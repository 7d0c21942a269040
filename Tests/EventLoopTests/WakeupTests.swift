import EventLoop
import Foundation
import Synchronization
import Testing

@Suite struct WakeupTests {
  @Test func anotherThreadWakesTheLoop() throws {
    try withLoop { loop in
      let message = Mutex("")
      let wakeup = try loop.makeWakeup {
        message.withLock { $0 += ", received" }
        loop.stop()
      }
      let box = Box()
      Thread.detachNewThread {
        box.text.withLock { $0 = "sent" }
        wakeup.signal()
      }
      runUntilStopped(loop)
      #expect(box.text.withLock { $0 } == "sent")
      #expect(message.withLock { $0 } == ", received")
    }
  }

  @Test func signalsBeforeTheHandlerAreOneCall() throws {
    try withLoop { loop in
      var count = 0
      let wakeup = try loop.makeWakeup {
        count += 1
        loop.stop()
      }
      for _ in 0..<100 { wakeup.signal() }
      runUntilStopped(loop)
      #expect(count == 1)
    }
  }

  @Test func aSignalAfterTheEndDoesNothing() throws {
    var kept: Wakeup?
    try withLoop { loop in
      let closed = try loop.makeWakeup { Issue.record("a closed wake-up was called") }
      closed.signal()
      closed.close()
      closed.close()
      closed.signal()
      loop.run()
      closed.signal()
      kept = try loop.makeWakeup {}
    }
    kept?.signal()
  }

  @Test func threadsSignalWhileTheLoopCloses() throws {
    for _ in 0..<20 {
      var count = 0
      let loop = try EventLoop()
      let wakeup = try loop.makeWakeup {
        count += 1
        if count == 10 { loop.stop() }
      }
      let done = DispatchSemaphore(value: 0)
      for _ in 0..<2 {
        Thread.detachNewThread {
          for _ in 0..<5_000 { wakeup.signal() }
          done.signal()
        }
      }
      let ticks = loop.makeTimer(after: 1, every: 1) { wakeup.signal() }
      runUntilStopped(loop)
      ticks.close()
      loop.close()
      done.wait()
      done.wait()
      #expect(count >= 10)
    }
  }

  private final class Box: Sendable {
    let text = Mutex("")
  }
}
