internal import EventLoop
internal import Logging

extension Reception {
  /// Binds every configured address.
  func openSockets() throws {
    let ingest = configuration.ingest
    for address in ingest.udp {
      let endpoint = try UDPEndpoint(
        on: home.loop, bind: address,
        options: UDPOptions(receiveBufferBytes: ingest.receiveBuffer))
      if endpoint.receiveBufferBytes < ingest.receiveBuffer {
        logger.warning(
          "the kernel grants a smaller receive buffer; raise net.core.rmem_max",
          metadata: [
            "asked": "\(ingest.receiveBuffer)", "granted": "\(endpoint.receiveBufferBytes)",
          ])
      }
      // They let go of this reception when they are closed.
      endpoint.startReceiving(
        onDatagram: { [self, unowned endpoint] bytes, peer in
          receive(datagram: bytes, from: peer, on: endpoint)
        },
        onBatchEnd: { [self] in judge() })
      endpoints.append(endpoint)
    }
    let options = StreamListener.Options(
      limits: StreamLimits(
        maximumInputBytes: max(ingest.maximumFrame, 256 << 10),
        idleMilliseconds: ingest.idleTimeout.milliseconds),
      maximumConnections: ingest.maximumConnections)
    for address in ingest.tcp {
      listeners.append(
        try StreamListener(on: home.loop, at: .tcp(address), options: options) {
          [self] connection in
          let peer = StreamPeer(connection)
          return StreamHandlers(
            onRead: { connection, bytes in
              guard let consumed = self.receive(stream: bytes, from: peer) else {
                connection.close()
                return bytes.byteCount
              }
              return consumed
            },
            onEnd: { _ in
              peer.hasEnded = true
              peer.finishIfDone()
            },
            onClose: { [self] _, reason in
              if let name = reason.cut { cutConnections[name, default: 0] += 1 }
            })
        })
    }
  }

  /// Closes every socket; connections stay until their loop is closed.
  func closeSockets() {
    for endpoint in endpoints { endpoint.close() }
    for listener in listeners { listener.close() }
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
