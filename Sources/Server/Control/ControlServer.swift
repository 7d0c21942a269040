internal import EventLoop

/// Answers control requests on a unix socket of mode 0600.
final class ControlServer {
  /// Answers what is asked, now or later, exactly once.
  typealias Handler = (ControlExchange) -> Void

  private static let maximumConnections = 16

  private var listener: StreamListener?

  /// Listens at a path.
  init(on loop: EventLoop, path: String, handler: @escaping Handler) throws(EventLoopError) {
    let limits = StreamLimits(
      maximumInputBytes: ControlCoding.maximumRequest, idleMilliseconds: 300_000)
    let options = StreamListener.Options(
      limits: limits, maximumConnections: Self.maximumConnections)
    listener = try StreamListener(on: loop, at: .unix(path: path), options: options) { _ in
      StreamHandlers(
        onRead: { connection, bytes in Self.read(connection, bytes, handler) },
        onEnd: { _ in })
    }
  }

  func close() {
    listener?.close()
    listener = nil
  }

  private static func read(
    _ connection: StreamConnection, _ bytes: RawSpan, _ handler: Handler
  ) -> Int {
    let text = unsafe bytes.withUnsafeBytes { unsafe [UInt8]($0) }
    guard let end = text.firstIndex(of: UInt8(ascii: "\n")) else { return 0 }
    do {
      let request = try ControlCoding.decode(ControlRequest.self, Array(text[..<end]))
      handler(ControlExchange(request, on: connection))
    } catch {
      connection.answer(
        ControlResponse(error: "the request is not a control message: \(error)"))
    }
    return end + 1
  }
}

/// A request and the connection on which its answer is awaited.
struct ControlExchange {
  let request: ControlRequest
  private let connection: StreamConnection

  init(_ request: ControlRequest, on connection: StreamConnection) {
    self.request = request
    self.connection = connection
  }

  /// Whether the requester is still there; one that has ended its direction has gone.
  var isAwaited: Bool { !connection.isClosed && !connection.peerHasEnded }

  /// Answers; nothing happens if the connection has gone.
  func answer(_ response: ControlResponse) { connection.answer(response) }
}

extension StreamConnection {
  fileprivate func answer(_ response: ControlResponse) {
    let line = ControlCoding.line(response)
    write(unsafe line.span.bytes)
    finish()
  }
}
