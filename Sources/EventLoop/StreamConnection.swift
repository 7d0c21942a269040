internal import CLibUV
internal import Glibc

/// One TCP or unix connection on an event loop (`uv_tcp_t`, `uv_pipe_t`).
///
/// It comes from a `StreamListener` or from `connect`. Each direction ends on its own: the peer's
/// end is `onEnd`, ours is `finish()`, and when both have ended the connection closes. Every way
/// out ends in one call of `onClose`, on a turn after the one that closed it.
///
/// Thread: used on its loop's thread only.
@safe
public final class StreamConnection: LoopHandle {
  /// Where the connection leads: the address of a TCP peer; the path of a unix socket.
  public internal(set) var remoteAddress: StreamAddress
  /// The limits of this connection.
  public let limits: StreamLimits

  /// What this side may still do.
  enum Output {
    /// Not connected yet: writes wait.
    case connecting
    /// Connected.
    case open
    /// `finish()` was called: ends when the queue is empty.
    case finishing
    /// Our direction has ended.
    case ended
  }

  var output: Output
  /// Whether the peer has ended its direction.
  public internal(set) var peerHasEnded = false
  /// Whether reading waits for the peer to take what was written to it.
  public internal(set) var isReadingPaused = false
  var handlers: StreamHandlers
  var closeReason = StreamCloseReason.closed
  /// Bytes of a frame whose rest has not come yet.
  var input = ByteQueue()
  /// Bytes that the owner may still write in answer to what it was handed.
  public internal(set) var owedByteCount = 0
  /// Whether reading waits for the end of the iteration.
  var isReadingResting = false
  /// Room that libuv was given for the present read.
  var lentByteCount = 0
  /// Whether libuv reads into the loop's slab, behind a copy of ``input``.
  var isSlabLent = false
  /// Bytes that libuv has been given to write and that must stay where they are.
  var inFlight = ByteQueue()
  /// Bytes to be written after those.
  var pending = ByteQueue()
  var isWriting = false
  var isFlushScheduled = false
  /// The place in the loop's idle sweep.
  var idleIndex: Int?
  var lastProgress: Int64
  /// The one request of each kind that can be under way.
  let requests: Requests
  var onConnect: (StreamConnection) -> Void = { _ in }
  /// Whether `finish()` was called before the connection stood.
  var finishesAfterConnect = false
  /// What a listener does when its connection has gone.
  var onRelease: () -> Void = {}

  /// libuv's requests of one connection, freed when the connection is closed.
  @safe
  final class Requests {
    let connect = unsafe LoopHandle.memory(for: uv_connect_t.self)
    let write = unsafe LoopHandle.memory(for: uv_write_t.self)
    let shutdown = unsafe LoopHandle.memory(for: uv_shutdown_t.self)

    deinit {
      unsafe connect.deallocate()
      unsafe write.deallocate()
      unsafe shutdown.deallocate()
    }
  }

  init(
    loop: EventLoop, to address: StreamAddress, limits: StreamLimits, output: Output,
    handlers: StreamHandlers
  ) {
    precondition(
      limits.maximumInputBytes > 0 && limits.writeHighWaterBytes > 0
        && limits.maximumOutputBytes >= limits.writeHighWaterBytes,
      "BUG: the limits of a stream contradict each other")
    remoteAddress = address
    self.limits = limits
    self.handlers = handlers
    self.output = output
    lastProgress = EventLoop.monotonicMilliseconds()
    requests = Requests()
    let handle: UnsafeMutableRawPointer
    switch address {
    case .tcp:
      let tcp = unsafe LoopHandle.memory(for: uv_tcp_t.self)
      unsafe expect(uv_tcp_init(loop.raw, tcp), "uv_tcp_init")
      unsafe handle = UnsafeMutableRawPointer(tcp)
    case .unix:
      let pipe = unsafe LoopHandle.memory(for: uv_pipe_t.self)
      unsafe expect(uv_pipe_init(loop.raw, pipe, 0), "uv_pipe_init")
      unsafe handle = UnsafeMutableRawPointer(pipe)
    }
    unsafe super.init(loop: loop, handle: handle)
    adopt()
    if limits.idleMilliseconds != nil { loop.idleSweep.add(self, on: loop) }
  }

  /// The handle as libuv's functions for streams take it; `nil` once the connection is closing.
  var stream: UnsafeMutablePointer<uv_stream_t>? {
    isClosed ? nil : unsafe pointer(as: uv_stream_t.self)
  }

  /// Bytes that were written here and that the system has not taken yet.
  public var writeQueueSize: Int { inFlight.count + pending.count }

  /// Bytes received and not consumed.
  public var unconsumedByteCount: Int { input.count }

  /// Replaces the handlers, such as in a listener's `onConnection`.
  public func setHandlers(_ handlers: StreamHandlers) {
    loop.assertOwner()
    guard !isClosed else { return }
    self.handlers = handlers
  }

  /// Closes with a reason.
  func close(because reason: StreamCloseReason) {
    close { closeReason = reason }
  }

  /// Closes if nothing has moved for too long.
  func closeIfIdle(now: Int64) {
    guard !isClosed, let limit = limits.idleMilliseconds, now - lastProgress >= limit else {
      return
    }
    close(because: .idle)
  }

  /// Notes that bytes were consumed or taken by the peer.
  func noteProgress() {
    if idleIndex != nil { lastProgress = EventLoop.monotonicMilliseconds() }
  }

  /// Closes once both directions have ended.
  func closeIfFinished() {
    if peerHasEnded, output == .ended { close(because: .finished) }
  }

  override func closing() {
    loop.idleSweep.remove(self)
    handlers.onRead = { _, bytes in bytes.byteCount }
    handlers.onEnd = { _ in }
    handlers.onDrain = { _ in }
    onConnect = { _ in }
  }

  // libuv has called back every request by now, so that their memory and the buffers may go.
  override func closed() {
    let onClose = handlers.onClose
    handlers.onClose = { _, _ in }
    input.clear()
    inFlight.clear()
    pending.clear()
    onRelease()
    onRelease = {}
    onClose(self, closeReason)
  }
}
