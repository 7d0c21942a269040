internal import EventLoop
internal import Wire

/// A way for frames to the service and for its answers.
///
/// Thread: used on its loop's thread only.
protocol FrameTransport: AnyObject {
  /// Whether what was sent before has left, so that a missing answer may mean a loss.
  var hasLeft: Bool { get }
  /// Whether frames can be sent now.
  var isReady: Bool { get }
  /// The last trouble, in words.
  var trouble: String? { get }
  /// Sends a frame, at the latest with the next ``flush()``. A frame may be lost without a sign.
  func send(_ frame: RawSpan)
  /// Sends what was gathered.
  func flush()
  /// Ends all traffic.
  func close()
}

/// What a transport reports.
struct TransportHandlers {
  /// One frame as it came: its length is right, all else is unchecked.
  var onFrame: (RawSpan) -> Void
  /// Bytes that are no frame.
  var onMalformed: () -> Void
  /// Runs after a group of frames.
  var onGroupEnd: () -> Void
  /// Frames can be sent; what was sent before may be lost.
  var onReady: () -> Void

  /// Hands out the whole frames of some bytes and answers how many bytes they are; nil if what is
  /// next is no frame.
  func cut(_ bytes: RawSpan) -> Int? {
    var offset = 0
    while true {
      let rest = bytes.extracting(offset..<bytes.byteCount)
      do throws(WireError) {
        guard let length = try FrameHeader.frameLength(peeking: rest, limits: .standard),
          length <= rest.byteCount
        else { return offset }
        onFrame(rest.extracting(0..<length))
        offset += length
      } catch {
        return nil
      }
    }
  }
}

/// One frame in a datagram; answers come several in one.
final class DatagramTransport: FrameTransport {
  private let endpoint: UDPEndpoint
  private let server: SocketAddress

  init(
    on loop: EventLoop, to server: SocketAddress, queueBytes: Int, handlers: TransportHandlers
  ) throws(EventLoopError) {
    self.server = server
    // No two frames of a source fit a datagram of this length, so that each goes alone.
    let options = UDPOptions(
      maximumDatagramLength: WireLimits.minimumClientFrameLength, sendQueueBytes: queueBytes)
    endpoint = try UDPEndpoint(on: loop, connectedTo: server, options: options)
    endpoint.startReceiving(
      onDatagram: { datagram, _ in
        if handlers.cut(datagram) != datagram.byteCount { handlers.onMalformed() }
      },
      onBatchEnd: handlers.onGroupEnd)
  }

  var hasLeft: Bool { true }
  var isReady: Bool { true }

  var trouble: String? {
    let statistics = endpoint.statistics
    return statistics.receiveErrors + statistics.sendErrors > 0
      ? "\(server) cannot be reached" : nil
  }

  func send(_ frame: RawSpan) { endpoint.queue(frame, to: server) }
  func flush() { endpoint.flushQueued() }
  func close() { endpoint.close() }
}

/// Frames on a stream that is connected again when it breaks.
final class StreamTransport: FrameTransport {
  private let loop: EventLoop
  private let server: SocketAddress
  private let limits: StreamLimits
  private let handlers: TransportHandlers
  private var connection: StreamConnection?
  private var retry: LoopTimer?
  private var retryDelay = StreamTransport.firstRetryDelay
  private var isClosed = false
  private(set) var isReady = false
  private(set) var trouble: String?

  /// Milliseconds before the first attempt to connect again; doubled each time after.
  private static let firstRetryDelay: Int64 = 50
  private static let longestRetryDelay: Int64 = 2_000

  init(
    on loop: EventLoop, to server: SocketAddress, queueBytes: Int, handlers: TransportHandlers
  ) throws(EventLoopError) {
    self.loop = loop
    self.server = server
    self.handlers = handlers
    limits = StreamLimits(
      writeHighWaterBytes: queueBytes, maximumOutputBytes: queueBytes)
    connection = try connect()
  }

  var hasLeft: Bool { connection?.writeQueueSize == 0 }

  func send(_ frame: RawSpan) { connection?.write(frame) }

  /// The loop writes at the end of each iteration by itself.
  func flush() {}

  func close() {
    isClosed = true
    isReady = false
    retry?.close()
    connection?.close()
  }

  private func connect() throws(EventLoopError) -> StreamConnection {
    let handlers = handlers
    return try StreamConnection.connect(
      on: loop, to: .tcp(server), limits: limits,
      handlers: StreamHandlers(
        onRead: { [unowned self] connection, bytes in read(bytes, from: connection) },
        onEnd: { $0.close() },
        onClose: { [unowned self] _, reason in lost(reason) }),
      onConnect: { [unowned self] _ in
        isReady = true
        handlers.onReady()
      })
  }

  private func read(_ bytes: RawSpan, from connection: StreamConnection) -> Int {
    guard let consumed = handlers.cut(bytes) else {
      // Where the next frame begins cannot be known.
      handlers.onMalformed()
      connection.close()
      return bytes.byteCount
    }
    retryDelay = Self.firstRetryDelay
    handlers.onGroupEnd()
    return consumed
  }

  private func lost(_ reason: StreamCloseReason) {
    connection = nil
    isReady = false
    guard !isClosed else { return }
    switch reason {
    case .failed(let error): trouble = "\(error)"
    default: trouble = "\(server) closed the connection"
    }
    if let retry {
      retry.start(after: retryDelay)
    } else {
      retry = loop.makeTimer(after: retryDelay) { [unowned self] in reconnect() }
    }
    retryDelay = min(retryDelay * 2, Self.longestRetryDelay)
  }

  private func reconnect() {
    do throws(EventLoopError) {
      connection = try connect()
    } catch {
      lost(.failed(error))
    }
  }
}
