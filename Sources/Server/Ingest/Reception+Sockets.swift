internal import EventLoop
internal import Logging

extension Reception {
  /// Binds every configured address, or those that another reception has bound.
  ///
  /// - Parameter first: the reception whose addresses are shared, with the ports that it got; nil
  ///   for the first one.
  func openSockets(sharing first: Reception? = nil) throws {
    let ingest = configuration.ingest
    let sharing: AddressSharing =
      first != nil ? .joining : ingest.loops > 1 ? .first : .alone
    let options = UDPOptions(sharing: sharing, receiveBufferBytes: ingest.receiveBuffer)
    for address in first?.endpoints.map(\.localAddress) ?? ingest.udp {
      let endpoint = try UDPEndpoint(on: home.loop, bind: address, options: options)
      if first == nil, endpoint.receiveBufferBytes < ingest.receiveBuffer {
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
    try listen(at: first?.listeners.map(\.localAddress) ?? ingest.tcp.map { .tcp($0) }, sharing)
  }

  private func listen(at addresses: [StreamAddress], _ sharing: AddressSharing) throws {
    let ingest = configuration.ingest
    let options = StreamListener.Options(
      limits: StreamLimits(
        maximumInputBytes: max(ingest.maximumFrame, 256 << 10),
        idleMilliseconds: ingest.idleTimeout.milliseconds),
      maximumConnections: ingest.connectionsPerLoop, sharing: sharing)
    for address in addresses {
      listeners.append(
        try StreamListener(on: home.loop, at: address, options: options) {
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
