internal import CLibUV

/// A bell on an event loop that any thread may ring (`uv_async_t`), made by `EventLoop.makeWakeup`.
///
/// Thread: `signal()` may be called from any thread, also after `close()`; `close()` on the loop's
/// thread only.
@safe
public final class Wakeup: @unchecked Sendable {
  /// The libuv handle's owner, used on the loop's thread only.
  private let handle: WakeupHandle
  /// Guards `isOpen`: libuv must not be signalled once the handle closes. A mutex of libuv, because
  /// the thread sanitizer follows those, and not the standard library's.
  private let mutex: UnsafeMutablePointer<uv_mutex_t>
  private var isOpen = true

  init(loop: EventLoop, _ handler: @escaping () -> Void) throws(EventLoopError) {
    handle = try WakeupHandle(loop: loop, handler)
    unsafe mutex = LoopHandle.memory(for: uv_mutex_t.self)
    unsafe expect(uv_mutex_init(mutex), "uv_mutex_init")
    handle.onClosing = { [weak self] in self?.withLock { $0.isOpen = false } }
  }

  deinit {
    unsafe uv_mutex_destroy(mutex)
    unsafe mutex.deallocate()
  }

  /// Has the handler called on the loop's thread, soon. Signals that arrive before the handler ran
  /// are one call (`uv_async_send`). Everything written before the signal is seen by that call.
  public func signal() {
    withLock { wakeup in
      guard wakeup.isOpen else { return }
      unsafe expect(uv_async_send(wakeup.handle.async), "uv_async_send")
    }
  }

  /// Ends the wake-up: later signals do nothing.
  public func close() {
    handle.close()
  }

  private func withLock(_ body: (Wakeup) -> Void) {
    unsafe uv_mutex_lock(mutex)
    body(self)
    unsafe uv_mutex_unlock(mutex)
  }
}

/// The libuv side of a wake-up.
@safe
final class WakeupHandle: LoopHandle {
  let async: UnsafeMutablePointer<uv_async_t>
  var onClosing: () -> Void = {}
  private var handler: () -> Void

  init(loop: EventLoop, _ handler: @escaping () -> Void) throws(EventLoopError) {
    unsafe async = unsafe LoopHandle.memory(for: uv_async_t.self)
    self.handler = handler
    do throws(EventLoopError) {
      try check(unsafe uv_async_init(loop.raw, async, wakeupSignalled), "uv_async_init")
    } catch {
      unsafe async.deallocate()
      throw error
    }
    unsafe super.init(loop: loop, handle: UnsafeMutableRawPointer(async))
    adopt()
  }

  override func closing() {
    onClosing()
    onClosing = {}
    handler = {}
  }

  fileprivate func signalled() { handler() }
}

private func wakeupSignalled(_ handle: UnsafeMutablePointer<uv_async_t>?) {
  guard let data = unsafe handle?.pointee.data else { return }
  unsafe Unmanaged<WakeupHandle>.fromOpaque(data).takeUnretainedValue().signalled()
}
