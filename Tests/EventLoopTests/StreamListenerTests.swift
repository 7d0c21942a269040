import EventLoop
import Glibc
import Testing

@Suite struct StreamListenerTests {
  private let discard = StreamHandlers(onRead: { _, bytes in bytes.byteCount })

  @Test func oneConnectionTooManyIsClosed() throws {
    try withLoop { loop in
      var options = StreamListener.Options()
      options.maximumConnections = 2
      let listener = try StreamListener(on: loop, at: .tcp(loopbacks[0]), options: options) { _ in
        discard
      }
      var ended = 0
      var clients: [StreamConnection] = []
      for _ in 0..<3 {
        let client = try StreamConnection.connect(
          on: loop, to: listener.localAddress,
          handlers: StreamHandlers(
            onRead: { _, bytes in bytes.byteCount },
            onClose: { _, _ in
              ended += 1
              if ended == 1 { loop.stop() }
            }))
        clients.append(client)
      }
      runUntilStopped(loop)
      #expect(listener.refusedConnections == 1)
      #expect(listener.connectionCount == 2)
      #expect(ended == 1)
      // When one goes there is room for another.
      clients.first { !$0.isClosed }?.close()
      let timer = loop.makeTimer(after: 0, every: 1) {
        if listener.connectionCount == 1 { loop.stop() }
      }
      runUntilStopped(loop)
      timer.close()
      let late = try StreamConnection.connect(
        on: loop, to: listener.localAddress, handlers: discard)
      late.finish()
      let check = loop.makeTimer(after: 0, every: 1) {
        if late.isClosed { loop.stop() }
      }
      runUntilStopped(loop)
      check.close()
      #expect(listener.refusedConnections == 1)
    }
  }

  @Test func theRemoteAddressIsKnown() throws {
    for address in loopbacks {
      try withLoop { loop in
        var remote: StreamAddress?
        let listener = try StreamListener(on: loop, at: .tcp(address)) { connection in
          remote = connection.remoteAddress
          loop.stop()
          return nil
        }
        _ = try StreamConnection.connect(on: loop, to: listener.localAddress, handlers: discard)
        runUntilStopped(loop)
        guard case .tcp(let peer) = remote else {
          Issue.record("no address")
          return
        }
        #expect(peer.withPort(0) == address)
        #expect(peer.port != 0)
      }
    }
  }

  @Test func anAddressInUseIsAReadableError() throws {
    for address in loopbacks {
      try withLoop { loop in
        let first = try StreamListener(on: loop, at: .tcp(address)) { _ in nil }
        let error = #expect(throws: EventLoopError.self) {
          try StreamListener(on: loop, at: first.localAddress) { _ in nil }
        }
        #expect(error?.name == "EADDRINUSE")
        #expect(error?.message == "address already in use")
        #expect(error?.address == first.localAddress.description)
      }
    }
  }

  @Test func anAddressOfAnotherMachineIsAReadableError() throws {
    try withLoop { loop in
      let address = try #require(SocketAddress("[2001:db8::1]:4040"))
      let error = #expect(throws: EventLoopError.self) {
        try StreamListener(on: loop, at: .tcp(address)) { _ in nil }
      }
      #expect(
        error?.description
          == "bind [2001:db8::1]:4040: address not available (EADDRNOTAVAIL)")
    }
  }

  @Test func listenersThatAgreeShareAnAddress() throws {
    try withLoop { loop in
      let first = try StreamListener(
        on: loop, at: .tcp(loopbacks[0]), options: .init(sharing: .first)
      ) { _ in nil }
      _ = try StreamListener(
        on: loop, at: first.localAddress, options: .init(sharing: .joining)
      ) { _ in nil }
      let error = #expect(throws: EventLoopError.self) {
        try StreamListener(
          on: loop, at: first.localAddress, options: .init(sharing: .first)
        ) { _ in nil }
      }
      #expect(error?.name == "EADDRINUSE")
    }
  }

  @Test func bothFamiliesShareAPort() throws {
    try withLoop { loop in
      let v6 = try StreamListener(on: loop, at: .tcp(try #require(SocketAddress("[::]:0")))) { _ in
        nil
      }
      guard case .tcp(let address) = v6.localAddress else { return }
      let v4 = try #require(SocketAddress("0.0.0.0:0")).withPort(address.port)
      _ = try StreamListener(on: loop, at: .tcp(v4)) { _ in nil }
    }
  }

  @Test func theFileOfAUnixSocketIsPrivateAndGoes() throws {
    let path = temporaryPath("file.s")
    try withLoop { loop in
      let listener = try StreamListener(on: loop, at: .unix(path: path)) { _ in nil }
      var status = stat()
      unsafe #expect(stat(path, &status) == 0)
      #expect(status.st_mode & 0o777 == 0o600)
      let error = #expect(throws: EventLoopError.self) {
        try StreamListener(on: loop, at: .unix(path: path)) { _ in nil }
      }
      #expect(error?.description == "bind \(path): address already in use (EADDRINUSE)")
      unsafe #expect(stat(path, &status) == 0, "a failed bind removes nothing")
      listener.close()
      unsafe #expect(stat(path, &status) == -1)
    }
  }

  @Test(arguments: [0, 108, 200])
  func aPathThatDoesNotFitIsAReadableError(length: Int) throws {
    try withLoop { loop in
      let path = String(repeating: "x", count: length)
      let errors = [
        #expect(throws: EventLoopError.self) {
          try StreamListener(on: loop, at: .unix(path: path)) { _ in nil }
        },
        #expect(throws: EventLoopError.self) {
          try StreamConnection.connect(on: loop, to: .unix(path: path), handlers: discard)
        },
      ]
      for error in errors {
        #expect(error?.name == "ENAMETOOLONG")
        #expect(error?.message == "the path of a unix socket is 1 to 107 bytes without U+0000")
      }
    }
  }

  @Test func connectionsOutliveTheirListener() throws {
    try withLoop { loop in
      var listener: StreamListener?
      listener = try StreamListener(on: loop, at: .tcp(loopbacks[0])) { _ in
        listener?.close()
        return StreamHandlers(onRead: { connection, bytes in
          connection.write(bytes)
          return bytes.byteCount
        })
      }
      let address = try #require(listener?.localAddress)
      var received = 0
      let client = try StreamConnection.connect(
        on: loop, to: address,
        handlers: StreamHandlers(onRead: { connection, bytes in
          received += bytes.byteCount
          connection.finish()
          return bytes.byteCount
        }))
      let text = Array("hello".utf8)
      unsafe client.write(text.span.bytes)
      loop.run()
      #expect(received == 5)
      #expect(listener?.connectionCount == 0)
    }
  }
}
