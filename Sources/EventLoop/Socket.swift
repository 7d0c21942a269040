internal import CLibUV
internal import Glibc

/// A descriptor of a socket that libuv does not own yet: closed when this goes, unless given away.
///
/// Sockets are opened and bound here and then handed to libuv, because libuv 1.44 can set neither
/// `SO_REUSEPORT` nor the receive buffer before the bind, nor the mode of a unix socket's file.
struct Socket: ~Copyable {
  /// What a socket carries.
  enum Kind {
    case stream, datagram

    var type: Int32 {
      switch self {
      case .stream: return Int32(SOCK_STREAM.rawValue)
      case .datagram: return Int32(SOCK_DGRAM.rawValue)
      }
    }
  }

  let descriptor: Int32

  /// A socket that does not block and is not inherited by child processes.
  init(domain: Int32, kind: Kind, address: String) throws(EventLoopError) {
    let flags = kind.type | Int32(SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
    descriptor = try checkErrno(socket(domain, flags, 0), "socket", address)
  }

  deinit {
    _ = Glibc.close(descriptor)
  }

  /// A socket for an address; IPv6 sockets take IPv6 only.
  static func open(
    for address: SocketAddress, kind: Kind
  ) throws(EventLoopError) -> Socket {
    let domain = address.family == .v4 ? AF_INET : AF_INET6
    let socket = try Socket(domain: domain, kind: kind, address: address.description)
    if address.family == .v6 {
      try socket.set(Int32(IPPROTO_IPV6), IPV6_V6ONLY, 1, "setsockopt IPV6_V6ONLY")
    }
    return socket
  }

  /// Sets a whole-number option.
  func set(
    _ level: Int32, _ option: Int32, _ value: Int32, _ operation: String
  ) throws(EventLoopError) {
    var value = value
    try checkErrno(
      unsafe setsockopt(
        descriptor, level, option, &value, socklen_t(MemoryLayout<Int32>.size)), operation)
  }

  /// A whole-number option of the socket level.
  func get(_ option: Int32, _ operation: String) throws(EventLoopError) -> Int32 {
    var value: Int32 = 0
    var length = socklen_t(MemoryLayout<Int32>.size)
    try checkErrno(
      unsafe getsockopt(descriptor, SOL_SOCKET, option, &value, &length), operation)
    return value
  }

  /// Binds to exactly this address as a server.
  ///
  /// Any process of the same user may join an address that is shared, and would get a part of what
  /// comes, unseen by both. So the first one asks for the address without sharing it, too.
  func bind(
    to address: SocketAddress, _ kind: Kind, _ sharing: AddressSharing
  ) throws(EventLoopError) {
    if sharing == .first {
      try Socket.open(for: address, kind: kind).bind(to: address, kind, .alone)
    }
    if sharing != .alone {
      try set(SOL_SOCKET, SO_REUSEPORT, 1, "setsockopt SO_REUSEPORT")
    }
    if kind == .stream {
      // Connections of an earlier process that still wait in TIME_WAIT must not stop a restart.
      try set(SOL_SOCKET, SO_REUSEADDR, 1, "setsockopt SO_REUSEADDR")
    }
    let result = unsafe address.withSockaddr { unsafe Glibc.bind(descriptor, $0, $1) }
    try checkErrno(result, "bind", address.description)
  }

  /// Fixes the peer.
  func connect(to address: SocketAddress) throws(EventLoopError) {
    let result = unsafe address.withSockaddr { unsafe Glibc.connect(descriptor, $0, $1) }
    try checkErrno(result, "connect", address.description)
  }

  /// Binds to a path, at which there must be nothing, as a file with these permissions.
  ///
  /// On Linux the file takes the mode of the socket itself, so it never stands there with more
  /// permissions than asked for, as it would between a bind and a `chmod`.
  func bind(toPath path: String, permissions: UInt32) throws(EventLoopError) {
    try checkErrno(fchmod(descriptor, permissions), "fchmod", path)
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    let bytes = Array(path.utf8)
    guard UnixPath.isValid(path) else { throw UnixPath.error("bind", path) }
    unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: bytes) }
    let result = unsafe withUnsafePointer(to: &address) {
      unsafe Glibc.bind(
        descriptor, UnsafeRawPointer($0).assumingMemoryBound(to: sockaddr.self),
        socklen_t(MemoryLayout<sockaddr_un>.size))
    }
    try checkErrno(result, "bind", path)
  }

  /// The address that the socket is bound to.
  func localAddress() throws(EventLoopError) -> SocketAddress {
    try Self.localAddress(of: descriptor)
  }

  /// The address that a descriptor is bound to.
  static func localAddress(of descriptor: Int32) throws(EventLoopError) -> SocketAddress {
    var storage = sockaddr_in6()
    var length = socklen_t(MemoryLayout<sockaddr_in6>.size)
    let result = unsafe withUnsafeMutablePointer(to: &storage) {
      unsafe getsockname(
        descriptor, UnsafeMutableRawPointer($0).assumingMemoryBound(to: sockaddr.self), &length)
    }
    try checkErrno(result, "getsockname")
    return unsafe withUnsafeBytes(of: &storage) { unsafe SocketAddress(sockaddr: $0) } ?? .unset
  }

  /// Gives the descriptor to a new owner.
  consuming func release() -> Int32 {
    let released = descriptor
    discard self
    return released
  }
}

/// Paths of unix sockets.
enum UnixPath {
  /// The bytes of a path that fit into `sun_path` with its final zero (unix(7)).
  static let maximumLength = MemoryLayout.size(ofValue: sockaddr_un().sun_path) - 1

  /// Whether the path can be bound or connected to as it is.
  static func isValid(_ path: String) -> Bool {
    (1...maximumLength).contains(path.utf8.count) && !path.utf8.contains(0)
  }

  static func error(_ operation: String, _ path: String) -> EventLoopError {
    EventLoopError(
      operation: operation, name: "ENAMETOOLONG",
      message: "the path of a unix socket is 1 to \(maximumLength) bytes without U+0000",
      address: path)
  }
}
