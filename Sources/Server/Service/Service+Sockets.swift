internal import EventLoop
internal import Logging

extension Service {
  /// Binds every configured address.
  func openSockets() throws {
    let ingest = configuration.ingest
    for address in ingest.udp {
      let endpoint = try UDPEndpoint(
        on: loop, bind: address,
        options: UDPOptions(receiveBufferBytes: ingest.receiveBuffer))
      if endpoint.receiveBufferBytes < ingest.receiveBuffer {
        logger.warning(
          "the kernel grants a smaller receive buffer; raise net.core.rmem_max",
          metadata: [
            "asked": "\(ingest.receiveBuffer)", "granted": "\(endpoint.receiveBufferBytes)",
          ])
      }
      let path = path
      endpoint.startReceiving(
        onDatagram: { [unowned endpoint] bytes, peer in
          path.receive(datagram: bytes, from: peer, on: endpoint)
        },
        onBatchEnd: { path.judge() })
      endpoints.append(endpoint)
    }
    let options = StreamListener.Options(
      limits: StreamLimits(
        maximumInputBytes: max(ingest.maximumFrame, 256 << 10),
        idleMilliseconds: ingest.idleTimeout.milliseconds),
      maximumConnections: ingest.maximumConnections)
    for address in ingest.tcp {
      let path = path
      listeners.append(
        try StreamListener(on: loop, at: .tcp(address), options: options) {
          [unowned self] connection in
          let peer = StreamPeer(connection)
          return StreamHandlers(
            onRead: { connection, bytes in
              guard let consumed = path.receive(stream: bytes, from: peer) else {
                connection.close()
                return bytes.byteCount
              }
              return consumed
            },
            onEnd: { _ in
              peer.hasEnded = true
              peer.finishIfDone()
            },
            onClose: { [unowned self] _, reason in
              if let name = reason.cut { cutConnections[name, default: 0] += 1 }
            })
        })
    }
  }
}

extension StreamCloseReason {
  /// Why the service cut a connection; nil if the peer or the network ended it.
  fileprivate var cut: String? {
    switch self {
    case .finished, .failed: nil
    case .closed: "bad_frame"
    case .idle: "idle"
    case .inputTooLong: "input_too_long"
    case .outputTooLong: "output_too_long"
    }
  }
}
