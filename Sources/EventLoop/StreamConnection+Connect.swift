internal import CLibUV
internal import Glibc

extension StreamConnection {
  /// Connects to a listener.
  ///
  /// Bytes may be written at once; they leave when the connection stands. If it cannot be made,
  /// `onClose` gets `failed`, or `idle` once the idle deadline has passed.
  ///
  /// - Parameter onConnect: runs when the connection stands.
  /// - Throws: what is refused at once, such as a path that is too long.
  public static func connect(
    on loop: EventLoop, to address: StreamAddress, limits: StreamLimits = StreamLimits(),
    handlers: StreamHandlers, onConnect: @escaping (StreamConnection) -> Void = { _ in }
  ) throws(EventLoopError) -> StreamConnection {
    loop.assertOwner()
    if case .unix(let path) = address, !UnixPath.isValid(path) {
      throw UnixPath.error("connect", path)
    }
    let connection = StreamConnection(
      loop: loop, to: address, limits: limits, output: .connecting, handlers: handlers)
    connection.onConnect = onConnect
    do throws(EventLoopError) {
      try connection.startConnecting()
    } catch {
      connection.handlers.onClose = { _, _ in }
      connection.close(because: .failed(error))
      throw error
    }
    return connection
  }

  private func startConnecting() throws(EventLoopError) {
    switch remoteAddress {
    case .tcp(let address):
      guard let tcp = unsafe pointer(as: uv_tcp_t.self) else { return }
      let status = unsafe address.withSockaddr { name, _ in
        unsafe uv_tcp_connect(requests.connect, tcp, name, connectionMade)
      }
      try check(status, "connect", address.description)
    case .unix(let path):
      guard let pipe = unsafe pointer(as: uv_pipe_t.self) else { return }
      unsafe uv_pipe_connect(requests.connect, pipe, path, connectionMade)
    }
  }

  fileprivate func connected(_ status: Int32) {
    guard !isClosed else { return }
    guard status >= 0 else {
      close(
        because: .failed(
          EventLoopError(
            code: status, operation: "connect", address: remoteAddress.description)))
      return
    }
    output = .open
    noteProgress()
    begin()
    let onConnect = onConnect
    self.onConnect = { _ in }
    onConnect(self)
    if finishesAfterConnect { finish() }
    scheduleFlush()
  }

  /// Takes the connection that waits at a listener's handle (`uv_accept`).
  func accept(from server: UnsafeMutablePointer<uv_stream_t>) -> Bool {
    guard let stream = unsafe stream, unsafe uv_accept(server, stream) == 0 else { return false }
    guard case .tcp = remoteAddress else { return true }
    var storage = sockaddr_in6()
    var length = Int32(MemoryLayout<sockaddr_in6>.size)
    guard let tcp = unsafe pointer(as: uv_tcp_t.self) else { return false }
    let status = unsafe withUnsafeMutablePointer(to: &storage) {
      unsafe uv_tcp_getpeername(
        tcp, UnsafeMutableRawPointer($0).assumingMemoryBound(to: sockaddr.self), &length)
    }
    guard status == 0,
      let peer = unsafe withUnsafeBytes(of: &storage, { unsafe SocketAddress(sockaddr: $0) })
    else { return false }
    remoteAddress = .tcp(peer)
    return true
  }

  /// What a new connection of either kind starts with.
  func begin() {
    if case .tcp = remoteAddress, let tcp = unsafe pointer(as: uv_tcp_t.self) {
      // Writes are gathered here already. A connection that is gone again reports it when it is
      // read.
      unsafe _ = uv_tcp_nodelay(tcp, 1)
    }
    // Much may have been written before the connection stood.
    if !isReadingPaused { startReading() }
  }
}

private func connectionMade(_ request: UnsafeMutablePointer<uv_connect_t>?, _ status: Int32) {
  guard let data = unsafe request?.pointee.handle?.pointee.data else { return }
  unsafe Unmanaged<StreamConnection>.fromOpaque(UnsafeRawPointer(data)).takeUnretainedValue()
    .connected(status)
}
