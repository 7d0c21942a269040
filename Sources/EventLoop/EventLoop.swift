internal import CLibUV
internal import Glibc

/// One libuv loop: sockets, timers, signals and wake-ups, all on one thread.
///
/// Thread: the loop belongs to the thread that made it until `run()` is called, and from then on
/// to the thread that called `run()`; only `Wakeup.signal()` may be called from elsewhere.
@safe
public final class EventLoop {
  /// The libuv loop.
  let raw: UnsafeMutablePointer<uv_loop_t>
  /// Runs before each sleep, after all callbacks of an iteration.
  private let prepare: UnsafeMutablePointer<uv_prepare_t>
  /// Where streams without a kept partial frame read to; lent for the length of one callback.
  let streamSlab: UnsafeMutableRawBufferPointer
  /// The connections with an idle deadline.
  var idleSweep = IdleSweep()
  /// The connections with something to write.
  private var unflushed: [StreamConnection] = []
  private var iterationHooks: [() -> Void] = []
  private var owner = pthread_self()
  private var isClosed = false

  /// How much one read of a stream may bring.
  private static let streamSlabBytes = 256 * 1_024

  /// A loop with nothing on it.
  ///
  /// The process ignores `SIGPIPE` from then on, unless it handles it: a write to a connection
  /// that its peer has reset is an error of that connection (libuv's guide, "Signals").
  ///
  /// - Throws: if the system has no descriptors left (`uv_loop_init`).
  public init() throws(EventLoopError) {
    let loop = unsafe LoopHandle.memory(for: uv_loop_t.self)
    do throws(EventLoopError) {
      try check(unsafe uv_loop_init(loop), "uv_loop_init")
    } catch {
      unsafe loop.deallocate()
      throw error
    }
    unsafe raw = loop
    unsafe prepare = unsafe LoopHandle.memory(for: uv_prepare_t.self)
    unsafe streamSlab = .allocate(byteCount: Self.streamSlabBytes, alignment: 64)
    Self.ignoreBrokenPipes()
    unsafe expect(uv_prepare_init(raw, prepare), "uv_prepare_init")
    unsafe prepare.pointee.data = Unmanaged.passUnretained(self).toOpaque()
    unsafe expect(uv_prepare_start(prepare, iterationEnded), "uv_prepare_start")
    unsafe uv_unref(UnsafeMutableRawPointer(prepare).assumingMemoryBound(to: uv_handle_t.self))
  }

  deinit {
    if !isClosed { closeRaw() }
    unsafe raw.deallocate()
    unsafe prepare.deallocate()
    unsafe streamSlab.deallocate()
  }

  /// Runs callbacks on the calling thread, which owns the loop from now on, until `stop()` is
  /// called or nothing that `keepsLoopRunning` is left (`uv_run`).
  public func run() {
    precondition(!isClosed, "BUG: an event loop ran after it was closed")
    owner = pthread_self()
    unsafe uv_run(raw, UV_RUN_DEFAULT)
    endIteration()
  }

  /// Makes `run()` return after the current iteration (`uv_stop`). What is open stays open.
  public func stop() {
    assertOwner()
    unsafe uv_stop(raw)
  }

  /// Closes everything on the loop, runs their close callbacks, and ends the loop for ever
  /// (`uv_loop_close`). Not to be called from a handler.
  public func close() {
    assertOwner()
    guard !isClosed else { return }
    unsafe uv_walk(raw, closeHandle, nil)
    iterationHooks.removeAll()
    idleSweep.end()
    closeRaw()
  }

  /// Calls `handler` once in each iteration: after all reads and timers of the iteration, before
  /// the loop sleeps (`uv_prepare_t`), and once more when `run()` ends. The place to send what has
  /// gathered. Handlers run in the order in which they were given, until the loop is closed.
  public func onIterationEnd(_ handler: @escaping () -> Void) {
    assertOwner()
    iterationHooks.append(handler)
  }

  /// Calls `handler` after `milliseconds`, and then every `interval` milliseconds if that is not 0.
  ///
  /// The timer stays until it is closed, also a single one. Negative times count as 0.
  public func makeTimer(
    after milliseconds: Int64, every interval: Int64 = 0, _ handler: @escaping () -> Void
  ) -> LoopTimer {
    assertOwner()
    let timer = LoopTimer(loop: self, handler)
    timer.start(after: milliseconds, every: interval)
    return timer
  }

  /// Something that any thread can signal to have `handler` called on the loop's thread.
  ///
  /// - Throws: if the system has no descriptors left (`uv_async_init`).
  public func makeWakeup(_ handler: @escaping () -> Void) throws(EventLoopError) -> Wakeup {
    assertOwner()
    return try Wakeup(loop: self, handler)
  }

  /// Calls `handler` with the number of each of these signals that the process receives.
  ///
  /// Does not keep `run()` from returning. The signals' earlier dispositions come back when the
  /// answered watchers, or the loop, are closed.
  ///
  /// - Throws: if a signal cannot be caught (`uv_signal_start`).
  @discardableResult
  public func onSignal(
    _ signals: [Int32], _ handler: @escaping (Int32) -> Void
  ) throws(EventLoopError) -> [SignalWatcher] {
    assertOwner()
    var watchers: [SignalWatcher] = []
    do throws(EventLoopError) {
      for signal in signals {
        watchers.append(try SignalWatcher(loop: self, signal: signal, handler))
      }
    } catch {
      for watcher in watchers { watcher.close() }
      throw error
    }
    return watchers
  }

  /// Has the connection's queued bytes written at the end of the iteration.
  func flushAtIterationEnd(_ connection: StreamConnection) {
    unflushed.append(connection)
  }

  /// Stops the process unless the caller is on the loop's thread.
  func assertOwner() {
    precondition(
      pthread_equal(owner, pthread_self()) != 0,
      "BUG: something of an event loop was used outside the loop's thread")
  }

  /// What the prepare callback does.
  fileprivate func endIteration() {
    for hook in iterationHooks { hook() }
    while !unflushed.isEmpty {
      let connections = unflushed
      unflushed.removeAll(keepingCapacity: true)
      for connection in connections { connection.flush() }
    }
  }

  /// Runs the outstanding close callbacks and closes the libuv loop.
  private func closeRaw() {
    unsafe uv_close(
      UnsafeMutableRawPointer(prepare).assumingMemoryBound(to: uv_handle_t.self), nil)
    unsafe uv_run(raw, UV_RUN_DEFAULT)
    unflushed.removeAll()
    unsafe expect(uv_loop_close(raw), "uv_loop_close")
    isClosed = true
  }

  /// A write to a reset connection must answer `EPIPE` and not end the process (signal(7)).
  private static func ignoreBrokenPipes() {
    var current = sigaction()
    guard unsafe sigaction(SIGPIPE, nil, &current) == 0 else { return }
    guard unsafe current.__sigaction_handler.sa_handler == nil else { return }
    signal(SIGPIPE, SIG_IGN)
  }
}

private func iterationEnded(_ handle: UnsafeMutablePointer<uv_prepare_t>?) {
  guard let data = unsafe handle?.pointee.data else { return }
  unsafe Unmanaged<EventLoop>.fromOpaque(data).takeUnretainedValue().endIteration()
}

private func closeHandle(
  _ handle: UnsafeMutablePointer<uv_handle_t>?, _ context: UnsafeMutableRawPointer?
) {
  guard let handle = unsafe handle, unsafe handle.pointee.type != UV_PREPARE,
    let data = unsafe handle.pointee.data
  else { return }
  unsafe Unmanaged<LoopHandle>.fromOpaque(data).takeUnretainedValue().close()
}
