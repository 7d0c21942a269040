internal import CLibUV
internal import Glibc

/// A watch for one signal of the process (`uv_signal_t`), made by `EventLoop.onSignal`.
///
/// Thread: used on its loop's thread only.
@safe
public final class SignalWatcher: LoopHandle {
  private var handler: (Int32) -> Void

  init(
    loop: EventLoop, signal: Int32, _ handler: @escaping (Int32) -> Void
  ) throws(EventLoopError) {
    let watcher = unsafe LoopHandle.memory(for: uv_signal_t.self)
    do throws(EventLoopError) {
      try check(unsafe uv_signal_init(loop.raw, watcher), "uv_signal_init")
    } catch {
      unsafe watcher.deallocate()
      throw error
    }
    self.handler = handler
    unsafe super.init(loop: loop, handle: UnsafeMutableRawPointer(watcher))
    adopt()
    do throws(EventLoopError) {
      try check(unsafe uv_signal_start(watcher, signalReceived, signal), "uv_signal_start")
    } catch {
      close()
      throw error
    }
    keepsLoopRunning = false
    // A process inherits blocked signals from the thread that started it, and would never see them.
    var signals = sigset_t()
    unsafe sigemptyset(&signals)
    unsafe sigaddset(&signals, signal)
    unsafe pthread_sigmask(SIG_UNBLOCK, &signals, nil)
  }

  override func closing() { handler = { _ in } }

  fileprivate func received(_ signal: Int32) { handler(signal) }
}

private func signalReceived(_ handle: UnsafeMutablePointer<uv_signal_t>?, _ signal: Int32) {
  guard let data = unsafe handle?.pointee.data else { return }
  unsafe Unmanaged<SignalWatcher>.fromOpaque(data).takeUnretainedValue().received(signal)
}
