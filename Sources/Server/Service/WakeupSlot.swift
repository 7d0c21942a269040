internal import EventLoop
internal import Synchronization

/// Lets threads that exist before the loop's wakeup signal it.
final class WakeupSlot: Sendable {
  private let wakeup = Mutex<Wakeup?>(nil)

  func set(_ wakeup: Wakeup) { self.wakeup.withLock { $0 = wakeup } }

  func signal() { wakeup.withLock { $0 }?.signal() }
}
