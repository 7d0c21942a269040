internal import EventLoop

/// Answers control requests on a unix socket of mode 0600.
final class ControlServer {
  /// Answers a request, now or later, exactly once.
  typealias Handler = (ControlRequest, @escaping (ControlResponse) -> Void) -> Void

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
    let answer: (ControlResponse) -> Void = { response in
      let line = ControlCoding.line(response)
      connection.write(unsafe line.span.bytes)
      connection.finish()
    }
    do {
      handler(try ControlCoding.decode(ControlRequest.self, Array(text[..<end])), answer)
    } catch {
      answer(ControlResponse(error: "the request is not a control message: \(error)"))
    }
    return end + 1
  }
}
