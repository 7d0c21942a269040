internal import CLibUV
internal import Glibc

/// Takes connections at a TCP address or at the path of a unix socket. Connections that it took
/// outlive it.
///
/// Thread: used on its loop's thread only.
@safe
public final class StreamListener: LoopHandle {
  /// How a listener is opened.
  public struct Options: Sendable {
    /// The limits of each connection.
    public var limits: StreamLimits
    /// Connections that may be open at once. One more is closed as soon as it is taken, and
    /// counted.
    public var maximumConnections: Int
    /// Connections that the system keeps until they are taken (`listen`).
    public var backlog: Int32
    /// Whether several sockets listen at the TCP address.
    public var sharing: AddressSharing
    /// The permissions of a unix socket's file, less the process's umask.
    public var permissions: UInt32

    /// Options; the defaults are those of one server on the address.
    public init(
      limits: StreamLimits = StreamLimits(), maximumConnections: Int = 1_024,
      backlog: Int32 = 512, sharing: AddressSharing = .alone, permissions: UInt32 = 0o600
    ) {
      self.limits = limits
      self.maximumConnections = maximumConnections
      self.backlog = backlog
      self.sharing = sharing
      self.permissions = permissions
    }
  }

  /// Where this listens; a TCP address has the port that it got.
  public let localAddress: StreamAddress
  /// Connections that are open.
  public private(set) var connectionCount = 0
  /// Connections that were closed at once because `maximumConnections` were open.
  public private(set) var refusedConnections: UInt64 = 0
  /// Connections that could not be taken.
  public private(set) var acceptErrors: UInt64 = 0

  private let options: Options
  private var onConnection: (StreamConnection) -> StreamHandlers?

  /// Listens at exactly this address; an IPv6 socket takes IPv6 only. A unix socket's path must not
  /// exist, and is removed when the listener closes.
  ///
  /// - Parameter onConnection: gets each new connection and answers its handlers; `nil` closes it.
  /// - Throws: what the system refuses, such as `EADDRINUSE`.
  public init(
    on loop: EventLoop, at address: StreamAddress, options: Options = Options(),
    onConnection: @escaping (StreamConnection) -> StreamHandlers?
  ) throws(EventLoopError) {
    loop.assertOwner()
    let socket = try Self.open(address, options)
    var localAddress = address
    if case .tcp = address { localAddress = .tcp(try socket.localAddress()) }
    self.localAddress = localAddress
    self.options = options
    self.onConnection = onConnection

    let handle: UnsafeMutableRawPointer
    switch address {
    case .tcp:
      let tcp = unsafe LoopHandle.memory(for: uv_tcp_t.self)
      unsafe expect(uv_tcp_init(loop.raw, tcp), "uv_tcp_init")
      unsafe expect(uv_tcp_open(tcp, socket.release()), "uv_tcp_open")
      unsafe handle = UnsafeMutableRawPointer(tcp)
    case .unix:
      let pipe = unsafe LoopHandle.memory(for: uv_pipe_t.self)
      unsafe expect(uv_pipe_init(loop.raw, pipe, 0), "uv_pipe_init")
      unsafe expect(uv_pipe_open(pipe, socket.release()), "uv_pipe_open")
      unsafe handle = UnsafeMutableRawPointer(pipe)
    }
    unsafe super.init(loop: loop, handle: handle)
    adopt()
    do throws(EventLoopError) {
      let stream = unsafe handle.assumingMemoryBound(to: uv_stream_t.self)
      try check(
        unsafe uv_listen(stream, options.backlog, connectionWaiting), "listen",
        address.description)
    } catch {
      close()
      throw error
    }
  }

  private static func open(
    _ address: StreamAddress, _ options: Options
  ) throws(EventLoopError) -> Socket {
    switch address {
    case .tcp(let address):
      let socket = try Socket.open(for: address, kind: .stream)
      try socket.bind(to: address, .stream, options.sharing)
      return socket
    case .unix(let path):
      let socket = try Socket(domain: AF_UNIX, kind: .stream, address: path)
      try socket.bind(toPath: path, permissions: options.permissions)
      return socket
    }
  }

  /// Takes one connection that waits.
  fileprivate func accept(_ status: Int32) {
    guard status >= 0, !isClosed, let server = unsafe pointer(as: uv_stream_t.self) else {
      acceptErrors &+= 1
      return
    }
    let connection = StreamConnection(
      loop: loop, to: localAddress, limits: options.limits, output: .open,
      handlers: StreamHandlers(onRead: { _, bytes in bytes.byteCount }))
    guard unsafe connection.accept(from: server) else {
      acceptErrors &+= 1
      return connection.close()
    }
    guard connectionCount < options.maximumConnections else {
      refusedConnections &+= 1
      connection.close()
      return
    }
    connectionCount += 1
    connection.onRelease = { [weak self] in self?.connectionCount -= 1 }
    guard let handlers = onConnection(connection) else { return connection.close() }
    connection.setHandlers(handlers)
    connection.begin()
  }

  override func closing() {
    onConnection = { _ in nil }
    if case .unix(let path) = localAddress { unsafe _ = unlink(path) }
  }
}

private func connectionWaiting(_ handle: UnsafeMutablePointer<uv_stream_t>?, _ status: Int32) {
  guard let data = unsafe handle?.pointee.data else { return }
  unsafe Unmanaged<StreamListener>.fromOpaque(data).takeUnretainedValue().accept(status)
}
