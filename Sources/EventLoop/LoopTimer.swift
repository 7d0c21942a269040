internal import CLibUV

/// A timer on an event loop (`uv_timer_t`), made by `EventLoop.makeTimer`.
///
/// Thread: used on its loop's thread only.
@safe
public final class LoopTimer: LoopHandle {
  private var handler: () -> Void

  init(loop: EventLoop, _ handler: @escaping () -> Void) {
    let timer = unsafe LoopHandle.memory(for: uv_timer_t.self)
    unsafe expect(uv_timer_init(loop.raw, timer), "uv_timer_init")
    self.handler = handler
    unsafe super.init(loop: loop, handle: UnsafeMutableRawPointer(timer))
    adopt()
  }

  /// Starts the timer, or starts it anew: the handler is called after `milliseconds`, and then
  /// every `interval` milliseconds if that is not 0. Negative times count as 0.
  public func start(after milliseconds: Int64, every interval: Int64 = 0) {
    loop.assertOwner()
    guard !isClosed, let timer = unsafe pointer(as: uv_timer_t.self) else { return }
    // The loop's idea of now is as old as the iteration.
    unsafe uv_update_time(loop.raw)
    unsafe expect(
      uv_timer_start(
        timer, timerFired, UInt64(clamping: milliseconds), UInt64(clamping: interval)),
      "uv_timer_start")
  }

  /// Stops the timer; it can be started again.
  public func stop() {
    loop.assertOwner()
    guard !isClosed, let timer = unsafe pointer(as: uv_timer_t.self) else { return }
    unsafe expect(uv_timer_stop(timer), "uv_timer_stop")
  }

  override func closing() { handler = {} }

  fileprivate func fired() { handler() }
}

private func timerFired(_ handle: UnsafeMutablePointer<uv_timer_t>?) {
  guard let data = unsafe handle?.pointee.data else { return }
  unsafe Unmanaged<LoopTimer>.fromOpaque(data).takeUnretainedValue().fired()
}
